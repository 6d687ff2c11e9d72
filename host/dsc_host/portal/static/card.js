// Press the card's keys by mouse, finger or keyboard without loading a page. Without this script, each press loads a page.
"use strict";
const card = document.querySelector(".card");
const face = card.querySelector(".face");
const keys = card.querySelector("form.keys");
const picture = card.querySelector("img");
const display = card.querySelector("output");
const label = card.querySelector(".display span");
const anew = card.querySelector(".anew");
const OFTEN = 1000, SELDOM = 30000;
let shown = display.textContent === display.dataset.off ? "" : display.textContent;
let timer = 0;
let pause = OFTEN;
function query() {
  return new URLSearchParams({ name: keys.elements.name.value });
}
function show(text) {
  if (text !== shown) {
    shown = text;
    display.textContent = text || display.dataset.off;
    display.classList.toggle("off", !text);
    label.hidden = !text;
    if (anew) anew.hidden = !/^[0-9]{8}$/.test(text);
    picture.src = "/card.svg?" + query() + "&" + Date.now();
  }
  pause = OFTEN;
  lookLater();
}
// Ask again only while the card is on and the page is visible: a display that is off does not change by itself.
function lookLater() {
  clearTimeout(timer);
  if (shown && !document.hidden) timer = setTimeout(() => after(look), pause);
}
async function send(key) {
  const body = new URLSearchParams({ csrf: keys.elements.csrf.value, name: keys.elements.name.value, key: key });
  const answer = await fetch("/card/press", { method: "POST", body: body, headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const wasOff = !shown;
  show((await answer.json()).display);
  // A card that is off ignores all keys but one.
  if (wasOff && !shown) display.textContent = display.dataset.first;
}
async function look() {
  // If the request fails, ask again after a longer pause. After an answer, `show` sets the usual pause.
  pause = Math.min(2 * pause, SELDOM);
  lookLater();
  const answer = await fetch("/card.json?" + query());
  if (answer.ok) show((await answer.json()).display);
}
// Send requests one after another. Otherwise, keys could arrive in another order, and an old display could arrive last.
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
function keyOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  // If a button has the focus, Enter presses that button. If the whole card has the focus, Enter is the key OK.
  const others = { Backspace: "C", p: "PRESS", P: "PRESS", ...(event.target === face ? { Enter: "OK" } : {}) };
  return /^[0-9]$/.test(event.key) ? event.key : others[event.key] || "";
}
face.tabIndex = 0;
card.querySelector("#keyboard").hidden = false;
keys.addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.submitter.value);
});
// After a click, give the focus to the whole card. Otherwise, Enter would press the clicked button again.
keys.addEventListener("click", (event) => {
  if (event.detail > 0 && event.target.value) face.focus({ preventScroll: true });
});
face.addEventListener("keydown", (event) => {
  const key = keyOf(event);
  if (!key) return;
  event.preventDefault();
  face.focus({ preventScroll: true });
  press(key);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) after(look);
});
// A page that the browser restores from its history shows an old display.
addEventListener("pageshow", (event) => {
  if (event.persisted) after(look);
});
// In a wide window, the field is beside the card. In a narrow one, it is below: the focus would scroll the challenge away.
const field = document.querySelector(".answered .field input");
const isWide = matchMedia("(min-width: 50rem)").matches;
if (field && isWide && document.activeElement === document.body) field.focus({ preventScroll: true });
show(shown);
