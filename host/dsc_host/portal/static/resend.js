// Count down the seconds until a new code can be sent. Without this script, the number of seconds on the page does not change.
"use strict";
const words = document.getElementById("again");
const button = document.querySelector("button[formaction$='/resend']");
if (words && button) {
  const text = words.textContent, first = words.dataset.seconds, end = Date.now() + 1000 * Number(first);
  const count = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    words.textContent = text.replace(first, String(left));
    button.disabled = left > 0;
    words.hidden = left === 0;
    if (left > 0) setTimeout(count, 1000);
  };
  count();
}
