// What scripts add to the desk. Every page works without them.
import { initAll } from "./govuk.js";

initAll();

// A bank file's upload shows how far it is; the answer is the same page that a plain form would have led to.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const status = form.querySelector("[data-upload-status]");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");

  form.addEventListener("submit", (event) => {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) return;
    event.preventDefault();
    if (file.size > Number(form.dataset.mostOctets)) {
      status.textContent = `${file.name} is too large. ${form.dataset.tooLarge}`;
      return;
    }
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.hidden = false;
      bar.max = total;
      bar.value = loaded;
      const percent = Math.floor((loaded / total) * 100);
      status.textContent = percent < 100 ? `Sending ${file.name}: ${percent}%` : `Reading ${file.name}. This can take a minute.`;
    });
    request.addEventListener("load", () => {
      const landed = request.responseURL;
      if (landed && new URL(landed).pathname !== new URL(form.action).pathname) {
        window.location.assign(landed);
        return;
      }
      // A refusal without an address of its own: show it as the browser would have.
      const shown = new DOMParser().parseFromString(request.responseText, "text/html");
      const main = shown.querySelector("main");
      if (main) {
        document.title = shown.title;
        document.querySelector("main").replaceWith(main);
        const summary = main.querySelector("[tabindex], h1");
        summary.tabIndex = -1;
        summary.focus();
      } else {
        status.textContent = request.responseText;
      }
    });
    request.addEventListener("error", () => {
      button.disabled = false;
      status.textContent = "The file did not arrive: the connection broke. Nothing was kept. Send it again.";
    });
    button.disabled = true;
    status.textContent = `Sending ${file.name}`;
    request.send(new FormData(form));
  });
}

// A document that is too large is said beside its field, and not sent: the answer to it could not keep what was typed.
for (const input of document.querySelectorAll("input[type=file][data-most-octets]")) {
  const problem = document.createElement("p");
  problem.className = "govuk-error-message";
  problem.setAttribute("role", "alert");
  input.before(problem);
  input.addEventListener("change", () => {
    const [file] = input.files;
    const most = Number(input.dataset.mostOctets);
    const megabytes = (octets) => `${(octets / 1_000_000).toFixed(1)} MB`;
    const words = file && file.size > most ? `This file has ${megabytes(file.size)}; a document has at most ${megabytes(most)}.` : "";
    input.setCustomValidity(words);
    problem.textContent = words;
  });
}

// The reasons that belong to the chosen answer, and no others.
for (const form of document.querySelectorAll("form[data-answers]")) {
  const parts = form.querySelectorAll("[data-for-answer]");
  const show = () => {
    const chosen = form.querySelector("input[name=answer]:checked");
    for (const part of parts) {
      const belongs = chosen && part.dataset.forAnswer === chosen.value;
      if (part.tagName === "OPTGROUP") {
        part.hidden = Boolean(chosen) && !belongs;
        part.disabled = part.hidden;
      } else {
        part.hidden = !belongs;
      }
    }
    const reasons = form.querySelector("#reason_code");
    const picked = reasons.selectedOptions[0];
    if (picked && picked.parentElement.disabled) reasons.value = "";
  };
  form.addEventListener("change", show);
  show();
}

// The kinds of document that may settle the chosen check; against the refund, any may speak.
for (const form of document.querySelectorAll("form[data-evidence]")) {
  const check = form.querySelector("[name=check]");
  const kind = form.querySelector("[name=kind]");
  const show = () => {
    const settles = form.querySelector("[name=settles]:checked");
    for (const group of kind.querySelectorAll("optgroup")) {
      const against = "against" in group.dataset;
      group.hidden = against ? !settles || settles.value === "yes" : Boolean(check.value) && group.dataset.forCheck !== check.value;
      group.disabled = group.hidden;
    }
    const picked = kind.selectedOptions[0];
    if (picked && picked.parentElement.disabled) kind.value = "";
  };
  form.addEventListener("change", show);
  show();
}

// What goes on elsewhere (a decision, a run, a check): look a few times, and load the page anew when it says something else.
// Whoever has begun to type is left in peace.
const watched = document.querySelector("[data-watched]");
if (watched) {
  let looks = 0;
  let typing = false;
  document.addEventListener("input", () => { typing = true; });
  const words = (element) => element.textContent.replace(/\s+/g, " ").trim();
  const look = async () => {
    looks += 1;
    const answer = await fetch(window.location.pathname).catch(() => null);
    if (typing) return;
    if (answer && answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(watched.id);
      if (fresh && words(fresh) !== words(watched)) {
        window.location.replace(window.location.pathname);
        return;
      }
    }
    if (looks < 30) window.setTimeout(look, looks < 10 ? 2000 : 6000);
  };
  window.setTimeout(look, 2000);
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
