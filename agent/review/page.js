"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const cards = data.cards, verdicts = new Map(), history = [];
const at = (id) => document.getElementById(id);
const MARKS = { open: "·", approve: "✓", reject: "✗", edit: "✎", "needs-more": "?" };
let here = 0, since = Date.now();

function make(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function state(card) { return verdicts.get(card.digest)?.word ?? card.state; }

function drawList() {
  const list = at("list");
  list.replaceChildren();
  for (const group of data.groups) {
    const members = cards.filter((card) => card.group === group);
    if (!members.length) continue;
    list.append(make("h2", `${group} (${members.length})`));
    for (const card of members) {
      const button = make("button");
      button.type = "button";
      button.append(make("span", MARKS[state(card)], "mark"), card.headline);
      button.setAttribute("aria-label", `${state(card)}: ${card.headline}`);
      if (cards[here] === card) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => go(cards.indexOf(card)));
      list.append(button);
    }
  }
  list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  const decided = cards.filter((card) => state(card) !== "open").length;
  at("progress").textContent = `${decided} of ${cards.length} decided`;
}

function drawCard() {
  const box = at("card"), card = cards[here];
  box.replaceChildren();
  if (!card) { box.append(make("p", "No open proposals.")); return; }
  box.append(make("h2", card.headline));
  box.append(make("p", `${card.group} · ${card.kind} · ${card.target} · ${card.field} · confidence ${card.confidence.toFixed(2)} · ${state(card)}`, "meta"));
  box.append(make("p", card.reason));
  if (card.why.length) {
    const list = make("ul");
    for (const line of card.why) list.append(make("li", line));
    box.append(list);
  }
  if (card.note) box.append(make("p", card.note, "note"));
  if (card.conflict) box.append(make("p", `Conflict: ${card.conflict}`, "conflict"));
  const diff = make("pre");
  diff.setAttribute("aria-label", "The entry as it would become");
  for (const line of card.diff) {
    diff.append(make("span", `${line}\n`, line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : ""));
  }
  if (card.diff.length) box.append(diff);
  for (const seen of card.evidence) {
    box.append(make("p", `Evidence: ${seen.source}, read ${seen.read_at}, ${seen.url} (${seen.locator})`, "meta"));
    const quote = make("blockquote");
    if (seen.intact) quote.append(seen.before, make("mark", seen.quote), seen.after);
    else quote.append("The kept excerpt is missing or was changed; do not approve.");
    box.append(quote);
  }
}

function draw() { drawList(); drawCard(); }

function go(index) {
  here = Math.max(0, Math.min(cards.length - 1, index));
  since = Date.now();
  draw();
  at("card").scrollTop = 0;
}

function ahead() {
  const order = [...cards.keys()];
  const next = order.slice(here + 1).concat(order.slice(0, here)).find((i) => state(cards[i]) === "open");
  go(next ?? here);
}

function give(card, word, more, seconds) {
  history.push([card.digest, verdicts.get(card.digest)]);
  verdicts.set(card.digest, { operation: card.digest, base: card.base, word, seconds: seconds ?? Math.round((Date.now() - since) / 100) / 10, ...more });
}

function ask(question, value, withCondition) {
  const dialog = at("ask");
  at("question").textContent = question;
  at("answer").value = value;
  at("again").hidden = !withCondition;
  at("when").value = "never";
  dialog.returnValue = "cancel";
  dialog.showModal();
  at("answer").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "ok" || !at("answer").value.trim()) return resolve(null);
      const again = { when: at("when").value };
      if (again.when === "after") { if (!at("day").value) return resolve(null); again.day = at("day").value; }
      resolve({ text: at("answer").value.trim(), again });
    }, { once: true });
  });
}

async function act(key) {
  const card = cards[here];
  if (key === "j") return go(here + 1);
  if (key === "k") return go(here - 1);
  if (key === "d") return download();
  if (key === "b") {
    for (const one of cards) if (one.group === "mechanical" && state(one) === "open" && !one.conflict) give(one, "approve", {}, 0);
    return draw();
  }
  if (key === "u") {
    const last = history.pop();
    if (!last) return;
    if (last[1]) verdicts.set(last[0], last[1]); else verdicts.delete(last[0]);
    return go(cards.findIndex((one) => one.digest === last[0]));
  }
  if (!card) return;
  if (key === "a" && !card.conflict) { give(card, "approve", {}); return ahead(); }
  if (key === "r") {
    const said = await ask("Why not?", "", true);
    if (said) { give(card, "reject", { reason: said.text, ask_again: said.again }); ahead(); }
  }
  if (key === "m") {
    const said = await ask("What is missing?", "", false);
    if (said) { give(card, "needs-more", { reason: said.text }); ahead(); }
  }
  if (key === "e") return edit(card);
}

async function edit(card) {
  const fact = card.value && typeof card.value === "object" && "value" in card.value;
  const whole = card.value && typeof card.value === "object" && !fact;
  const shown = fact ? card.value.value : whole ? JSON.stringify(card.value, null, 1) : String(card.value ?? "");
  const said = await ask(whole ? "The fields, as JSON" : "The right value", shown, false);
  if (!said) return;
  let value = said.text;
  if (fact) { value = { ...card.value, value: said.text, confidence: "human" }; delete value.evidence; }
  if (whole) { try { value = JSON.parse(said.text); } catch { at("progress").textContent = "That is not JSON; nothing was kept."; return; } }
  give(card, "edit", { value });
  ahead();
}

function download() {
  const content = { format: "aki-decisions-1", reviewer: at("reviewer").value.trim(), decisions: [...verdicts.values()] };
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(content, null, 1)}\n`], { type: "application/json" }));
  link.download = "decisions.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || at("ask").open) return;
  if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
  if ("jkarmeubd".includes(event.key)) { event.preventDefault(); act(event.key); }
});
for (const button of document.querySelectorAll("#verdicts button")) {
  button.addEventListener("click", () => act(button.dataset.key));
}
at("then").textContent = data.then;
at("download").addEventListener("click", download);
at("bulk").addEventListener("click", () => act("b"));
at("reviewer").value = data.reviewer;
window.addEventListener("beforeunload", (event) => { if (verdicts.size) event.preventDefault(); });
draw();
