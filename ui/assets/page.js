// Adds what Streamlit's elements lack: the page's language, the conversation as a log that screen readers announce,
// the send button's name in the page's language, and the focus after its button was removed.
// It reads one element, #chat-state, and writes attributes only: no text of a customer passes through here.
(() => {
  if (window.supportChat) return;
  window.supportChat = true;
  let moves = null;
  let news = null;
  // Streamlit may recreate a field just after it got the focus: until this time, or what the customer does next, it gets
  // the focus again.
  let refocusUntil = 0;
  for (const event of ["keydown", "pointerdown"]) {
    document.addEventListener(event, () => { refocusUntil = 0; }, { capture: true });
  }

  const set = (element, name, value) => {
    if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  const focus = (key) => {
    const field = document.querySelector(`.st-key-${key} :is(input, textarea)`);
    // On a touch screen the focus would bring up the keyboard over the answer.
    if (field && !window.matchMedia("(pointer: coarse)").matches) field.focus({ preventScroll: true });
    return field !== null;
  };

  const move = (key) => {
    if (!focus(key)) return false;
    refocusUntil = performance.now() + 2000;
    if (key !== "message") soon(() => show(document.querySelector(`.st-key-${key}`)));
    return true;
  };

  // New elements appear in the next frame; their buttons a little later.
  const soon = (act) => {
    requestAnimationFrame(act);
    setTimeout(act, 250);
  };

  // Scroll an element's end above the field; where it is taller than the window, its beginning below the header.
  const show = (element) => {
    const main = document.getElementById("stMain");
    if (!element || !main) return;
    const box = element.getBoundingClientRect();
    const header = document.querySelector(".st-key-header")?.parentElement;
    const bottom = document.querySelector("[data-testid=stBottom]");
    const top = header && getComputedStyle(header).position === "sticky" ? header.getBoundingClientRect().bottom : 0;
    const room = (bottom ? bottom.getBoundingClientRect().top : window.innerHeight) - top - 24;
    main.scrollBy({ top: box.height > room ? box.top - top - 12 : box.bottom - top - room });
  };

  const follow = () => {
    const turns = document.querySelectorAll(".st-key-conversation > [data-testid=stLayoutWrapper]");
    show(turns[turns.length - 1]);
  };

  const apply = () => {
    const state = document.getElementById("chat-state");
    if (!state) return;
    const { lang, log, send, focus: key } = state.dataset;
    set(document.documentElement, "lang", lang);
    const conversation = document.querySelector(".st-key-conversation");
    set(conversation, "role", "log");
    set(conversation, "aria-live", "polite");
    set(conversation, "aria-label", log);
    set(document.querySelector("[data-testid=stChatInputSubmitButton]"), "aria-label", send);
    for (const field of document.querySelectorAll("textarea, input")) set(field, "dir", "auto");
    if (moves === null) [moves, news] = [state.dataset.moves, state.dataset.news];
    if (news !== state.dataset.news) {
      news = state.dataset.news;
      soon(follow);
    }
    if (moves !== state.dataset.moves && move(key)) moves = state.dataset.moves;
    else if (performance.now() < refocusUntil && document.activeElement === document.body) focus(key);
  };

  new MutationObserver(apply).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-moves", "data-news", "aria-label"],
  });
  apply();
})();
