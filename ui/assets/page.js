// What Streamlit leaves out of its own elements: the page's language, the conversation as a log that is read out,
// the send button's name in the page's language, and the focus after a button that is gone.
// It reads one element, #chat-state, and writes attributes only: no text of a customer passes through here.
(() => {
  if (window.supportChat) return;
  window.supportChat = true;
  let moves = null;
  let news = null;

  const set = (element, name, value) => {
    if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  const focus = (key) => {
    const field = document.querySelector(`.st-key-${key} :is(input, textarea)`);
    // On a touch screen the focus would bring up the keyboard over the answer.
    if (field && !window.matchMedia("(pointer: coarse)").matches) field.focus({ preventScroll: key === "message" });
    return Boolean(field);
  };

  // To the end of the conversation; where the last turn is taller than the window, to that turn's beginning.
  const follow = () => {
    const turns = document.querySelectorAll(".st-key-conversation > [data-testid=stLayoutWrapper]");
    const main = document.getElementById("stMain");
    if (!turns.length || !main) return;
    const last = turns[turns.length - 1].getBoundingClientRect();
    const header = document.querySelector(".st-key-header")?.parentElement;
    const bottom = document.querySelector("[data-testid=stBottom]");
    const top = header && getComputedStyle(header).position === "sticky" ? header.getBoundingClientRect().bottom : 0;
    const room = (bottom ? bottom.getBoundingClientRect().top : window.innerHeight) - top - 24;
    main.scrollBy({ top: last.height > room ? last.top - top - 12 : last.bottom - top - room });
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
    if (moves === null) [moves, news] = [state.dataset.moves, state.dataset.news];
    if (news !== state.dataset.news) {
      news = state.dataset.news;
      // The answer stands in the next frame; its buttons a little later.
      requestAnimationFrame(follow);
      setTimeout(follow, 250);
    }
    if (moves !== state.dataset.moves && focus(key)) moves = state.dataset.moves;
  };

  new MutationObserver(apply).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-moves", "data-news", "aria-label"],
  });
  apply();
})();
