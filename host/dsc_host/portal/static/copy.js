// Copy the value beside the button. Without this script, or without a clipboard, the button stays hidden.
"use strict";
for (const button of document.querySelectorAll("button.copy")) {
  const value = button.parentElement.querySelector("output");
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(value.textContent);
    button.textContent = button.dataset.done;
  });
}
