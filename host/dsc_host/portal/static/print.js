// Print the page. Without this script, the button stays hidden, but the browser's own command for printing works.
"use strict";
for (const place of document.querySelectorAll(".print")) {
  place.hidden = false;
  (place.querySelector("button") ?? place).addEventListener("click", () => window.print());
}
