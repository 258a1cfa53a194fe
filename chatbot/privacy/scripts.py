"""PII redaction in scripts without capitals: names, passwords, orders and addresses by the words that state them.

No capital marks a name there, and some of the scripts have no spaces. After words that other words follow as often as
names ("I am"), a name must be listed.
"""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

from functools import cache

from chatbot.prefilter import required
from chatbot.privacy.draft import Draft, Pattern


def _any(words: str) -> str:
    return "|".join(words.split())


SECRET, ORDER, ADDRESS, NAME = "<SECRET>", "<ORDER>", "<ADDRESS>", "<NAME>"
_STOPS = ".,;:!?)]}\"'>"
_HINDI, _THAI, _HAN, _KANA, _HANGUL = r"[\u0900-\u097f]", r"[\u0e00-\u0e7f]", r"[\u4e00-\u9fff]", r"[\u3005\u3040-\u30ff\u4e00-\u9fff]", r"[\uac00-\ud7af]"  # fmt: skip
_WORD = r"[^\W\d_]{2,14}"
_TWO = rf"{_WORD}(?:[ ]{_WORD})?"
_END = r"(?=[ ]?(?:[.,!?;\n]|\Z))"
_TOLD = r"[^\x21-\x7e\n]{0,16}[:=#]?[ ]?"
_PASSWORD = rf"{_TOLD}(?P<value>[!-~]{{4,40}})"
_PIN = rf"{_TOLD}(?P<value>\d(?:[ -]?\d){{3,7}})(?!\w)"
_NUMBER = rf"{_TOLD}(?P<value>(?=[A-Z-]{{0,8}}\d)[A-Za-z\d][A-Za-z\d-]{{3,24}})"
_PLACE = r"(?P<value>(?=[^\n]{0,40}\d)[^\n.!?]{4,60})"
_LINE = r"[ ,.]*\n\s*(?P<value>[^\W\d_][^\n\d]{1,30}?)[ .]*\Z"
"""A line that ends the message."""

_ARABIC_NAMES = _any("""أحمد احمد محمد محمود مصطفى علي حسن حسين خالد عمر عمرو يوسف إبراهيم ابراهيم عبدالله عبدالرحمن كريم سعيد سامي طارق ياسر ماجد فهد فيصل سلطان ناصر بدر تركي نواف زياد رامي وليد هشام حمزة أنس بلال جمال
    عادل نبيل رشيد إسماعيل أيمن حاتم فاطمة عائشة مريم سارة ليلى نور هدى منى رنا ريم دينا ياسمين زينب خديجة سلمى هند أمل رانيا لينا نادية سميرة عبير شيماء أسماء إيمان نورة جواهر لطيفة مها دانة
    رضا زهرا نرگس مهدی امیر علی پریسا آرش سینا نیلوفر شیرین بهرام کاوه مریم نگار فرهاد اکبر فاطمه سمیرا""")
_HEBREW_NAMES = _any("""דוד משה יוסף יעקב אברהם יצחק דניאל איתן יונתן נועם אורי עומר גיא רון אלון עידו תומר אסף ליאור ניר אייל אבי יוסי שלמה חיים מאיר אליהו שמעון ראובן בנימין מיכאל גדעון
    נועה מאיה תמר שרה רחל לאה מרים אסתר יעל מיכל דנה רונית רותי אורית שירה הדר ליאת ענת סיגל אפרת גלית חנה דבורה אביגיל טליה עדי קרן מורן נטע אילנה שושנה אופיר שי אילן ליאת יובל עמית עמיר ערן אורן גלעד יניב רועי שחר עופר אמיר נדב אלעד בועז צבי דורון אודי מתן ליאורה""")
_JAPANESE_SURNAMES = _any("""佐藤 鈴木 高橋 田中 伊藤 渡辺 渡邊 渡部 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 斉藤 清水 山崎 池田 橋本 阿部 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本 福田
    太田 西村 藤井 岡本 金子 藤原 三浦 中野 中川 原田 松田 竹内 小野 田村 中山 和田 石田 上田 森田 柴田 酒井 工藤 横山 宮崎 宮本 内田 高木 安藤 谷口 大野 丸山 今井 河野 藤本 村田 武田 上野 杉山 増田 菅原 平野 大塚 久保 松井 野口 木下 佐野 菊池 新井 野村""")
_CHINESE_SURNAME = "[王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎余潘杜戴夏锺汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文]"
_KOREAN_NAME = rf"(?!구매자|주문자|신청자|이용자|구독자|전화번|이메일|주소지|문제점|한국인|유학생|고객님|안녕하)[김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노곽성차주우구민]{_HANGUL}(?![인자원생님]){_HANGUL}"

_TABLE = {
    "[\u4e00-\u9fff]": (
        (rf"(?:密码|密碼|口令|暗証番号){_PASSWORD}", SECRET),
        (rf"(?:验证码|驗證碼|确认码|認証コ-ド|確認コ-ド|PIN[ ]?(?:码|碼|番号)){_PIN}", SECRET),
        (rf"(?:注文|订单|訂單|单号|單號){_NUMBER}", ORDER),
        (r"(?:住所|住址|地址)[ ]?(?:は|是|为|為)?[ ]?:?[ ]?(?P<value>(?=[^.,\n]{0,40}\d)[^.,\n]{4,50}?)(?=です|に(?:送|届)|[.,\n]|\Z)", ADDRESS),
        (r"(?P<value>〒[ ]?\d{3}-\d{4}[ ]?[^\n.,]{4,40}?)(?=に|へ|です|まで|[.,\n]|\Z)", ADDRESS),
        (rf"(?P<value>{_HAN}{{2,3}}[都道府県]{_KANA}{{1,8}}[市区町村][^\n.,\d]{{0,16}}\d[\d丁目番地号-]{{0,12}}(?:[ ]?{_KANA}{{1,10}}\d{{1,4}}号室)?)", ADDRESS),
        (rf"(?P<value>{_HAN}{{2,3}}[省市][^\n.,\d]{{2,24}}?\d{{1,5}}[号號弄巷](?:[^\n.,\d]{{0,12}}\d{{1,4}}[楼室层樓號号])?)", ADDRESS),
        (rf"(?:[寄送搬]到|住在){_PLACE}{_END}", ADDRESS),
        (rf"叫我(?P<value>{_HAN}{{2,4}}?)(?=就|吧|即可|{_END})", NAME),
        (rf"(?:我叫|我的名字[是叫]|我姓名是|我名叫|姓名[:是]|(?:收件人|联系人|聯絡人|收货人|寄件人|持卡人|账户名|户名)[是为叫:]?)[ ]?(?P<value>{_HAN}{{2,4}}){_END}", NAME),
        (rf"(?:我是|[这這]是|本人|我姓|免贵姓)(?P<value>[欧歐]阳{_HAN}{{0,2}}|(?!高[级級兴興]|金牌|常客|方便|万分){_CHINESE_SURNAME}{_HAN}{{1,2}}?)(?=[ ]?(?:[.,!?\n]|\Z))", NAME),
        (rf"(?:本人|我叫)(?P<value>{_CHINESE_SURNAME}{_HAN}{{1,2}})(?=要|请|想)", NAME),
        (rf"(?P<value>{_CHINESE_SURNAME}{_HAN}{{0,2}})(?=先生|小姐|女士|太太)", NAME),
        (rf"(?:[此敬]致[ ]?敬礼|[谢謝][谢謝]|祝好|よろしくお願い(?:いた)?します){_LINE}", NAME),
    ),
    "[\u3040-\u30ff]": (
        (rf"パスワ-ド{_PASSWORD}", SECRET),
        (rf"(?:名前は|氏名[:は]|名義は|受取人は|宛名は)[ ]?(?P<value>{_KANA}{{2,6}}(?:[ ]{_KANA}{{1,6}}?)?)(?=です|と申|と言|といい|[.,\n]|\Z)", NAME),
        (rf"(?P<value>[\u30a0-\u30ff\u4e00-\u9fff]{{2,8}}(?:[ ]{_KANA}{{1,6}})?)(?=と申し|と言いま|といいま)", NAME),
        (rf"(?:お世話になって[おい]り?ます|[は初]じ?めまして|こんにちは|こんばんは)[.,! ]*(?P<value>{_KANA}{{2,6}}?)(?=です|と[申言い])", NAME),
        (rf"(?P<value>(?:{_JAPANESE_SURNAMES})(?:[ ]?{_KANA}{{1,3}}?)?)(?=です|様|さん|さま|と[申言い]|宛|の名|名義|[.,\n]|\Z)", NAME),
    ),
    _HANGUL: (
        (rf"(?:비밀번호|비번|암호){_PASSWORD}", SECRET),
        (rf"(?:인증[ ]?번호|핀[ ]?번호|확인[ ]?코드|PIN[ ]?번호){_PIN}", SECRET),
        (rf"주문(?:[ ]?번호)?{_NUMBER}", ORDER),
        (r"주소[ ]?[은는:]?[ ]?(?P<value>(?=[^,\n]{0,40}\d)[^,\n]{4,50}?)(?=입니다|이에요|예요|로[ ]|[,\n]|\Z)", ADDRESS),
        (rf"(?P<value>(?:{_HANGUL}{{1,7}}[시도군구읍면동][ ]){{1,4}}(?:{_HANGUL}{{1,8}}\d{{0,3}}[로길][ ])?\d{{1,5}}(?:-\d{{1,4}})?(?:번지|호)?(?:[ ]?\d{{1,4}}[동층호]){{0,2}})", ADDRESS),
        (rf"(?:이름은|성함은|성명[:은]?|받는[ ]?(?:사람|분)은?|수령인은?|예금주는?|주문자는?)[ ]?:?[ ]?(?P<value>{_HANGUL}{{2,4}}?)(?=입니다|이에요|예요|이고|이며|[.,\n ]|\Z)", NAME),
        (rf"(?:\A|[.!?\n][ ]?|저는[ ]|제가[ ])(?P<value>{_KOREAN_NAME})(?=입니다|이에요|예요|이라고|라고|인데)", NAME),
        (rf"(?P<value>{_HANGUL}{{2,4}}?)(?=이?라고[ ]?합니다)", NAME),
        (rf"(?P<value>{_KOREAN_NAME})(?=[ ]?(?:드림|올림|씨|고객님))", NAME),
        (rf"감사합니다{_LINE}", NAME),
    ),
    _HINDI: (
        (rf"(?:पासवर्ड|कूटशब्द){_PASSWORD}", SECRET),
        (rf"(?:पिन|ओटीपी){_PIN}", SECRET),
        (rf"(?:ऑर्डर|आर्डर){_NUMBER}", ORDER),
        (r"(?P<value>(?:मकान|फ्लैट|प्लॉट|गली|सेक्टर)[ ](?:नंबर[ ]|नं\.?[ ])?\d[^\n?!]{2,60}?)(?=[ ](?:पर|में|है)|\n|\Z)", ADDRESS),
        (r"पता[ ](?:है[ ]|:[ ]?)?(?P<value>(?=[^\n]{0,40}\d)[^\n?!]{4,60}?)(?=[ ]है|\n|\Z)", ADDRESS),
        (rf"(?:मेरा|मेरी|मेरे)[ ](?:पूरा[ ])?नाम[ ](?P<value>{_HINDI}{{2,20}}(?:[ ](?!है|हैं|ग़लत|गलत){_HINDI}{{2,20}}){{0,2}})(?=[ ]है)", NAME),
        (rf"(?<!{_HINDI})मैं[ ](?P<value>{_HINDI}{{2,20}}(?:[ ]{_HINDI}{{2,20}}){{0,2}}?)(?=[ ](?:बोल|लिख|बात[ ]कर)[ ]रह)", NAME),
        (rf"(?:धन्यवाद|सादर){_LINE}", NAME),
    ),
    _THAI: (
        (rf"รหัสผ่าน{_PASSWORD}", SECRET),
        (rf"รหัส{_PIN}", SECRET),
        (rf"คำสั่งซื้อ{_NUMBER}", ORDER),
        (r"(?P<value>\d{1,4}(?:/\d{1,4})?[ ](?:หมู่|ถ\.|ถนน|ซอย|ต\.|แขวง)[^\n]{2,60})", ADDRESS),
        (rf"(?:ที่อยู่|อยู่ที่|ส่งไปที่){_THAI}{{0,8}}:?[ ]?(?P<value>\d[^\n!?]{{4,60}}){_END}", ADDRESS),
        (rf"(?:ผม|ดิฉัน|ฉัน|หนู|เรา)[ ]?ชื่อ[ ]?(?:คือ[ ]?)?(?P<value>{_THAI}{{2,24}}(?:[ ]{_THAI}{{2,24}})?)", NAME),
        (rf"(?:ชื่อผู้รับ|คุณ|นาย|นางสาว)[ ]?:?[ ]?(?P<value>{_THAI}{{2,24}}[ ]{_THAI}{{2,24}})", NAME),
    ),
    "[\u0620-\u06d3]": (
        (rf"(?:كلمة[ ](?:المرور|السر)|رمز[ ]عبور){_PASSWORD}", SECRET),
        (rf"(?:الرقم[ ]السري|رمز[ ](?:التحقق|الدخول|التأكيد)){_PIN}", SECRET),
        (rf"(?:طلبي|الطلب|طلبية|طلب|الفاتورة|سفارش|التتبع){_NUMBER}", ORDER),
        (rf"(?<!\w)(?:عنواني|العنوان|أسكن|اسكن|أعيش|آدرس[ ]من)(?:[ ](?:هو|الجديد|في))*[ ]?:?[ ]{_PLACE}", ADDRESS),
        (rf"(?<!\w)(?P<value>(?:حي|منطقة)[ ]{_TWO},[^\n.!?]{{0,40}}\d[^\n.!?]{{0,20}})", ADDRESS),
        (rf"(?<!\w)[أا]نا[ ](?P<value>[أا](?:م|بو)[ ]{_WORD})", NAME),
        (rf"(?<!\w)(?P<value>(?:\d{{1,4}}[ ](?:شارع|طريق)[ ]{_TWO}|(?:شارع|طريق|خیابان)[ ]{_TWO}(?:,[ ](?:بناية|مبنى|عمارة)[ ]{_TWO})?,?[ ]?(?:الطابق[ ])?(?:رقم[ ]|,[ ]?(?:مبنى|شقة|پلاک)[ ])?\d{{1,5}})(?:,[ ]?{_TWO})?)", ADDRESS),
        (rf"(?<!\w)(?:اسمي(?:[ ]الكامل)?(?:[ ]هو)?|أدعى|معكم?|باسم|(?:الاسم|المستلم)[ ]?:|(?:اسم|نام)[ ]من|السيدة?|الآنسة|الأستاذة?|الدكتورة?)[ ](?!المدير|المسؤول|المحترم|الكريم|منذ|في|على|من|خطأ|غير|مكتوب|كل)(?P<value>{_TWO})", NAME),
        (rf"(?<!\w)(?:أنا|انا|من|زوجتي|زوجي|ابني|ابنتي|أخي|أختي|صديقي|الموظفة?|هنا|إلى|مع|هذا|هذه)[ ](?P<value>(?:{_ARABIC_NAMES})(?!\w)(?:[ ]ال{_WORD})?)", NAME),
        (rf"(?:تحياتي|التحيات|التحية|شكرا|الشكر|احترام){_LINE}", NAME),
    ),
    "[\u05d0-\u05ea]": (
        (rf"סיסמ(?:א|ה|תי){_PASSWORD}", SECRET),
        (rf"קוד{_PIN}", SECRET),
        (rf"(?:הזמנה|משלוח){_NUMBER}", ORDER),
        (rf"(?<!\w)(?:הכתובת[ ](?:שלי|החדשה)|כתובתי|גרה?|לכתובת)(?:[ ](?:היא|שלי))?[ ]?:?[ ]{_PLACE}", ADDRESS),
        (rf"(?<!\w)(?P<value>ב?(?:רחוב|רח'|שדרות|שד'|סמטת)[ ]{_WORD}(?:[ ]{_WORD}){{0,2}}[ ]\d{{1,4}}(?:/\d{{1,3}})?(?:,[ ]{_TWO})?)", ADDRESS),
        (rf"(?<!\w)(?:שמי|קוראים[ ]לי|השם[ ]שלי(?:[ ]הוא)?|מדברת?|על[ ]שם|שם[ ]?:|גברת|מר|ד\"ר)[ ](?!עם|על|אל|מה|לא|זה)(?P<value>{_TWO})", NAME),
        (rf"(?<!\w)(?:אני|כאן|זה|זאת|עם|לאשתי|לבעלי|לבן[ ]שלי)[ ](?P<value>(?:{_HEBREW_NAMES})(?!\w)(?:[ ]{_WORD})?)", NAME),
        (rf"(?:בברכה|תודה|בתודה|בכבוד[ ]רב){_LINE}", NAME),
    ),
}  # fmt: skip
_SCRIPTS = tuple((Pattern(script, 0), script) for script in _TABLE)


@cache
def _patterns(script: str) -> tuple[tuple[Pattern, frozenset[str], str], ...]:
    """Return the patterns of a script with the words of which each match contains one, and the mark."""
    return tuple((Pattern(pattern, 0), required(pattern), mark) for pattern, mark in _TABLE[script])


def redact_scripts(draft: Draft) -> None:
    """Mark what is stated in scripts without capitals: Arabic, Chinese, Hebrew, Hindi, Japanese, Korean, Thai."""
    if draft.text.isascii():
        return
    for detected, script in _SCRIPTS:
        if detected.search(draft.text):
            for pattern, words, mark in _patterns(script):
                if words and not any(word in draft.lower for word in words):
                    continue
                draft.mark(
                    (found.start("value"), found.start("value") + len(found["value"].rstrip(_STOPS)), mark)
                    for found in pattern.finditer(draft.text)
                )
