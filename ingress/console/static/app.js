// The console's script besides htmx. No inline handlers, no eval; it runs before the first paint, for the theme.
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const root = document.documentElement;
  root.dataset.script = "";

  // The theme that was chosen in this browser, else the system's.
  const storage = (() => {
    try {
      return window.localStorage;
    } catch {
      return null; // switched off
    }
  })();
  const chosen = storage?.getItem("theme");
  if (chosen) root.dataset.theme = chosen;
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    storage?.setItem("theme", root.dataset.theme);
  });

  // What a page asks by itself ([data-quiet]) is marked, so that it keeps no session alive; it fails in silence,
  // and is asked again.
  const isPoll = (event) => (event.detail.ctx?.sourceElement ?? event.target).matches?.("[data-quiet]");
  document.addEventListener("htmx:config:request", (event) => {
    if (isPoll(event)) event.detail.ctx.request.headers["X-Poll"] = "1";
  });

  // What a dialog holds is a page of its own where it was opened so, in a tab: its forms and links are plain ones there,
  // as without script, for there is no dialog to put their answers in. Before htmx looks at them.
  document.addEventListener("DOMContentLoaded", () => {
    for (const one of document.querySelectorAll('[hx-target="closest dialog"]')) {
      if (!one.closest("dialog")) ["hx-get", "hx-post", "hx-target", "hx-swap"].forEach((name) => one.removeAttribute(name));
    }
  });

  // A fragment with <dialog data-open> in #overlay opens itself, and is gone once it is closed.
  let opener = null;
  document.addEventListener("htmx:before:request", (event) => {
    const source = event.detail.ctx?.sourceElement;
    if (source && !source.closest("dialog") && !isPoll(event)) opener = source.id ? `#${CSS.escape(source.id)}` : source;
  });
  const openDialogs = () =>
    document.querySelectorAll("#overlay dialog[data-open]").forEach((dialog) => {
      if (dialog.open) return;
      dialog.showModal();
      dialog.addEventListener("close", () => {
        dialog.remove();
        // Its row may have been redrawn meanwhile, or be gone, as a token's that was revoked.
        const back = typeof opener === "string" ? $(opener) : opener;
        (back?.isConnected ? back : ($("#new-token") ?? $("#main")))?.focus({ preventScroll: true });
      });
    });
  document.addEventListener("htmx:after:swap", openDialogs);
  // A click beside a drawer closes it, unless it began inside (text that is being selected) or something is typed.
  let pressed = null;
  const typed = (dialog) => [...dialog.querySelectorAll("input, textarea")].some((one) => one.value !== one.defaultValue);
  document.addEventListener("pointerdown", (event) => (pressed = event.target));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      event.target.closest("dialog")?.close();
    } else if (event.target.matches("dialog[data-light-dismiss]") && pressed === event.target && !typed(event.target)) {
      event.target.close();
    }
  });
  // Escape leaves what is shown once where it is; `cancel` cannot be prevented twice in a row.
  const stays = (event) => event.key === "Escape" && $("dialog[open][data-sticky]") && event.preventDefault();
  document.addEventListener("keydown", stays, true);
  document.addEventListener("cancel", (event) => event.target.matches("dialog[data-sticky]") && event.preventDefault(), true);

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    form.dataset.sent = "1";
  }, true);
  document.addEventListener("htmx:finally:request", (event) => {
    const { sourceElement: source, response } = event.detail.ctx;
    if (response?.headers?.get("HX-Redirect")) return; // on its way to another page
    delete (source?.form ?? source?.closest?.("form") ?? source)?.dataset?.sent;
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
  document.addEventListener("htmx:after:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (form?.matches?.("[data-closes]") && event.detail.ctx.response?.status < 400) form.closest("dialog")?.close();
  });

  // Copy a field's value or an element's text.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      source.select?.(); // plain http: there is no clipboard to write to
      document.execCommand("copy");
    }
    button.dataset.copied = "";
    say(button.dataset.copiedText || "Copied");
    setTimeout(() => delete button.dataset.copied, 1600);
  });

  // Messages that go away by themselves.
  function say(text, tone = "ok") {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.dataset.tone = tone;
    toast.textContent = text;
    $("#toasts").append(toast);
  }
  document.addEventListener("DOMContentLoaded", () => {
    const toasts = $("#toasts");
    const show = (node) => {
      if (node.nodeType !== Node.ELEMENT_NODE) return;
      // Above the dialog that is open, which makes everything else inert: there it is told to screen readers.
      toasts.hidePopover();
      toasts.showPopover();
      const told = document.createElement("p");
      told.className = "vh";
      told.setAttribute("role", "alert");
      [...document.querySelectorAll("dialog[open]")].at(-1)?.append(told);
      told.textContent = node.textContent;
      setTimeout(() => {
        node.remove();
        told.remove();
        if (!toasts.childElementCount) toasts.hidePopover();
      }, 5000);
    };
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(show))).observe(toasts, { childList: true });
  });
  document.addEventListener("htmx:error", (event) => !isPoll(event) && say("The server cannot be reached. Check your connection, and try again.", "bad"));
  document.addEventListener("htmx:response:error", (event) => {
    const status = event.detail.ctx.response?.status;
    if (isPoll(event)) return;
    if (status === 503) say("This list is busy at the moment. Try again.", "bad");
    else if (status >= 500) say("Something went wrong on our side. Nothing was changed.", "bad");
  });

  // The page of a run is drawn anew when it is over, and not under an open dialog.
  document.addEventListener("htmx:before:request", (event) => {
    if (event.detail.ctx?.sourceElement?.id === "run-now" && $("#overlay dialog[open]")) event.preventDefault();
  });

  // The live log: a switch pauses it, and nothing moves under an open drawer or on a later page. There only
  // the number of new entries is asked for.
  document.addEventListener("htmx:before:request", (event) => {
    const source = event.detail.ctx?.sourceElement;
    if (!source?.matches?.("[data-live]")) return;
    const moves = !$("#overlay dialog[open]") && !$("#log[data-later]");
    const wanted = { "log-poll": moves, "log-new": !moves }[source.id] ?? true;
    if (!wanted || document.hidden || !$("#live-toggle")?.checked) event.preventDefault();
  });
  // Switched on again, it shows at once what was missed.
  document.addEventListener("change", (event) => {
    if (event.target.matches("#live-toggle:checked")) $("#live").dispatchEvent(new CustomEvent("provisioning"));
  });

  // Leaving with unsaved changes asks first.
  const unsaved = () => $("[data-dirty]");
  addEventListener("beforeunload", (event) => {
    const state = unsaved();
    if (state && state.dataset.dirty !== "0" && !document.body.dataset.leaving) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    const state = event.target.closest("#map-form") && unsaved();
    if (state?.dataset.dirty === "0") state.dataset.dirty = "1"; // until the server has counted
  });
  document.addEventListener("click", (event) => {
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button; // another tab or window
    if (!elsewhere && event.target.closest("[data-discard], [data-saves]")) document.body.dataset.leaving = "1";
  });
  const stay = () => delete document.body.dataset.leaving;
  document.addEventListener("htmx:error", stay);
  document.addEventListener("htmx:after:request", (event) => event.detail.ctx.response?.status >= 400 && stay());
})();
