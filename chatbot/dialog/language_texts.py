"""System texts by language: what a customer reads who wrote in it. Slots are filled from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LanguageTexts:
    """Texts in one language.

    Attributes:
        foreign: the bot does not understand this language; a human takes over.
        human: the bot is not sure enough; a human takes over.
        clarify: asks which of several intents is meant.
        default_reply: of an intent without a reply, whose title fills `{title}`.
    """

    foreign: str
    human: str
    clarify: str
    default_reply: str


TEXTS: Mapping[str, LanguageTexts] = {
    "de": LanguageTexts(
        "Diese Sprache verstehe ich leider noch nicht. Ich habe Ihre Nachricht an unser Team weitergegeben. Für eine "
        "Antwort schreiben Sie bitte an {support_email}.",
        "Das soll sich lieber eine Kollegin oder ein Kollege ansehen. Ich habe Ihre Nachricht weitergegeben. Für eine "
        "Antwort schreiben Sie bitte an {support_email}.",
        "Damit ich Sie richtig verstehe: Was davon meinen Sie?",
        "Es geht um: {title}. Mehr dazu finden Sie unter {help_url}, oder schreiben Sie an {support_email}.",
    ),
    "fr": LanguageTexts(
        "Je ne comprends malheureusement pas encore cette langue. J'ai transmis votre message à notre équipe. Pour "
        "recevoir une réponse, écrivez à {support_email}.",
        "Je préfère qu'un collègue s'en occupe et je lui ai transmis votre message. Pour recevoir une réponse, "
        "écrivez à {support_email}.",
        "Pour être sûr de vous comprendre : de quoi s'agit-il ?",
        "Il s'agit de : {title}. Vous trouverez plus d'informations sur {help_url}, ou écrivez à {support_email}.",
    ),
    "es": LanguageTexts(
        "Todavía no entiendo este idioma. He pasado su mensaje a nuestro equipo. Para recibir una respuesta, escriba "
        "a {support_email}.",
        "Prefiero que lo vea una persona de nuestro equipo, y le he pasado su mensaje. Para recibir una respuesta, "
        "escriba a {support_email}.",
        "Para estar seguro de entenderle: ¿a cuál de estas opciones se refiere?",
        "Se trata de: {title}. Encontrará más información en {help_url}, o escriba a {support_email}.",
    ),
    "it": LanguageTexts(
        "Purtroppo non capisco ancora questa lingua. Ho inoltrato il suo messaggio al nostro team. Per ricevere una "
        "risposta scriva a {support_email}.",
        "Preferisco che se ne occupi un collega, a cui ho inoltrato il suo messaggio. Per ricevere una risposta scriva "
        "a {support_email}.",
        "Per essere sicuro di aver capito: che cosa intende?",
        "Si tratta di: {title}. Trova maggiori informazioni su {help_url}, oppure scriva a {support_email}.",
    ),
    "nl": LanguageTexts(
        "Deze taal begrijp ik helaas nog niet. Ik heb uw bericht doorgegeven aan ons team. Voor een antwoord kunt u "
        "schrijven naar {support_email}.",
        "Ik laat hier liever een collega naar kijken en heb uw bericht doorgegeven. Voor een antwoord kunt u schrijven "
        "naar {support_email}.",
        "Om u goed te begrijpen: wat bedoelt u?",
        "Dit gaat over: {title}. Meer informatie vindt u op {help_url}, of schrijf naar {support_email}.",
    ),
    "pt": LanguageTexts(
        "Ainda não entendo este idioma. Encaminhei a sua mensagem à nossa equipe. Para receber uma resposta, escreva "
        "para {support_email}.",
        "Prefiro que uma pessoa da nossa equipe veja isto e encaminhei a sua mensagem. Para receber uma resposta, "
        "escreva para {support_email}.",
        "Para ter certeza de que entendi: qual destas opções é a sua?",
        "Trata-se de: {title}. Há mais informações em {help_url}, ou escreva para {support_email}.",
    ),
}
"""By language code; for a language without texts, those of `chatbot.dialog.router.SystemTexts` are used."""
