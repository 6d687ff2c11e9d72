// Copy the value beside the button. If the browser refuses, select the value, and say which keys copy it. Without this script,
// the button stays hidden.
"use strict";
for (const button of document.querySelectorAll("button.copy")) {
  const value = button.parentElement.querySelector("output");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(value.textContent);
      button.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(value);
      button.textContent = button.dataset.keys;
    }
  });
}
