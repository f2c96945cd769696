// Fetches the page anew and puts its <main> in place of the shown one. Pages work without this.
"use strict";
(() => {
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  if (!live || !pause) return;
  const every = Number(live.dataset.every) * 1000;
  let paused = false;
  let timer = 0;

  // What somebody reads, marks or types is not taken away.
  const busy = () => {
    const main = document.getElementById("main");
    const active = document.activeElement;
    const typing = active && main.contains(active) && active.matches("input, select, textarea");
    const selection = document.getSelection();
    const marked = selection && !selection.isCollapsed && main.contains(selection.anchorNode);
    return paused || document.hidden || typing || marked;
  };

  const focusable = (main) => [...main.querySelectorAll("a, button, summary, [tabindex]")];

  const replace = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const [before, after] = [document.getElementById("main"), fresh.getElementById("main")];
    if (!after) return;
    const open = [...before.querySelectorAll("details")].map((details) => details.open);
    const scrolled = [...before.querySelectorAll(".scroll")].map((region) => region.scrollLeft);
    const focus = focusable(before).indexOf(document.activeElement);
    before.replaceWith(document.adoptNode(after));
    after.querySelectorAll("details").forEach((details, at) => { details.open = open[at] ?? details.open; });
    after.querySelectorAll(".scroll").forEach((region, at) => { region.scrollLeft = scrolled[at] ?? 0; });
    if (focus >= 0) focusable(after)[focus]?.focus({ preventScroll: true });
    const made = fresh.getElementById("made");
    if (made) document.getElementById("made").textContent = made.textContent;
  };

  const update = async () => {
    const begin = performance.now();
    if (!busy()) {
      try {
        const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin", redirect: "error" });
        const text = await answer.text();
        if (answer.status === 401) return location.reload();
        if (!busy()) replace(text);
      } catch {
        document.getElementById("made").textContent = "The console does not answer; what is shown is old";
      }
    }
    // A page that takes long to make is asked for less often.
    timer = setTimeout(update, Math.max(every, 10 * (performance.now() - begin)));
  };

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on with updates" : "Pause updates";
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) { clearTimeout(timer); update(); }
  });
  live.hidden = false;
  timer = setTimeout(update, every);
})();
