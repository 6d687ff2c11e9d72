// Press the card's keys without loading a page, by mouse, finger and keyboard. Without this script, each key loads the card's page.
"use strict";
const card = document.querySelector(".card");
const face = card.querySelector(".face");
const keys = card.querySelector("form.keys");
const picture = card.querySelector("img");
const display = card.querySelector("output");
const OFTEN = 1000;
let shown = display.textContent === display.dataset.off ? "" : display.textContent;
let timer = 0;
function whose() {
  return new URLSearchParams({ name: keys.elements.name.value });
}
function show(text) {
  if (text !== shown) {
    shown = text;
    display.textContent = text || display.dataset.off;
    picture.src = "/card.svg?" + whose() + "&" + Date.now();
  }
  // A display changes by itself only while the card is on, and is seen only while the page is.
  clearTimeout(timer);
  if (shown && !document.hidden) timer = setTimeout(() => after(look), OFTEN);
}
async function send(key) {
  const body = new URLSearchParams({ csrf: keys.elements.csrf.value, name: keys.elements.name.value, key: key });
  const answer = await fetch("/card/press", { method: "POST", body: body, headers: { accept: "application/json" } });
  if (answer.ok) show((await answer.json()).display);
}
async function look() {
  const answer = await fetch("/card.json?" + whose());
  if (answer.ok) show((await answer.json()).display);
}
// Requests go one after another: on several connections, keys could overtake each other, and an old display could replace a newer one.
let asked = Promise.resolve();
function after(ask) {
  asked = asked.then(ask).catch(() => {});
}
function press(key) {
  const button = keys.querySelector(`[value="${key}"]`);
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 150);
  after(() => send(key));
}
function named(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  // On a button, Enter presses that button. Elsewhere on the card, it is OK.
  const others = { Backspace: "C", p: "PRESS", P: "PRESS", ...(event.target === face ? { Enter: "OK" } : {}) };
  return /^[0-9]$/.test(event.key) ? event.key : others[event.key] || "";
}
face.tabIndex = 0;
card.querySelector("#keyboard").hidden = false;
keys.addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.submitter.value);
});
// After a click or a typed digit, the whole card has the focus, so that Enter is OK and not the button that was used last.
keys.addEventListener("click", (event) => {
  if (event.detail > 0 && event.target.value) face.focus({ preventScroll: true });
});
face.addEventListener("keydown", (event) => {
  const key = named(event);
  if (!key) return;
  event.preventDefault();
  face.focus({ preventScroll: true });
  press(key);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) after(look);
});
// A page that the browser has kept shows the display of then.
addEventListener("pageshow", (event) => {
  if (event.persisted) after(look);
});
// In a wide window the field is beside the card. In a narrow one it is below, and its focus would hide the challenge.
const field = document.querySelector(".answered .field input");
if (field && document.activeElement === document.body && matchMedia("(min-width: 50rem)").matches) field.focus({ preventScroll: true });
show(shown);
