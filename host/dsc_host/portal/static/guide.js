// Scroll a page of a story to its top, where the guide says what to do: the browser may have scrolled to the focused field.
"use strict";
// Links to the phone open the window named `phone`. If that window now shows another page, take its name away. Otherwise, the
// next such link would replace this page.
if (window.name === "phone" && !/^\/phone(\/|$)/.test(location.pathname)) window.name = "";
if (!document.querySelector(".error")) addEventListener("load", () => requestAnimationFrame(() => scrollTo(0, 0)));
