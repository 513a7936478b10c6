// Runs before the first paint, so that a dark screen never flashes white. Kept out of the page because the page allows no inline script.
(function () {
  var choice = "system";
  try {
    choice = localStorage.getItem("autobot.theme") || "system";
  } catch (unreadable) {
    choice = "system";
  }
  var dark = choice === "dark" || (choice === "system" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.add(dark ? "dark" : "light");
})();
