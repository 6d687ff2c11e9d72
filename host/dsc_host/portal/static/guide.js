// Scroll a page of a story to its top, where the guide says what to do: the browser may have scrolled to the focused field.
"use strict";
// Links to the phone open the window named `phone`: any window that shows the phone has this name. If it now shows another page,
// take its name away. Otherwise, the next such link would replace this page.
const isPhone = /^\/phone(\/|$)/.test(location.pathname);
if (isPhone) window.name = "phone";
else if (window.name === "phone") window.name = "";
// While the visitor was in another window, the story may have gone on: show its current step beside the phone.
async function follow() {
  const answer = await fetch("/phone").catch(() => null);
  if (!answer || !answer.ok) return;
  const current = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".guide");
  const shown = document.querySelector(".guide");
  if (current && current.textContent !== shown.textContent) shown.replaceWith(current);
}
if (isPhone) addEventListener("focus", follow);
if (!document.querySelector(".error")) addEventListener("load", () => requestAnimationFrame(() => scrollTo(0, 0)));
