// Send a form once if its button is pressed again before the next page comes. The second request would have the old token of the
// session, and the visitor would be logged out. Without this script, the browser sends the form twice.
"use strict";
const SECONDS = 5;
const sent = new WeakSet();
addEventListener("submit", (event) => {
  const form = event.target;
  // A script sends this form itself, or the form opens another window and this page stays.
  if (event.defaultPrevented || form.target) return;
  if (sent.has(form)) event.preventDefault();
  sent.add(form);
  // The page stays after a download, and if the visitor stops loading the next page.
  setTimeout(() => sent.delete(form), SECONDS * 1000);
});
