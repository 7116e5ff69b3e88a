/* Filter, sort, choose columns, keep the view in the address, take it away as a file. Without it every row is there. */
(function () {
  "use strict";
  var params = function () { return new URLSearchParams(location.search); };
  var each = function (list, act) { Array.prototype.forEach.call(list, act); };

  function value(cell) { return cell.hasAttribute("data-v") ? cell.getAttribute("data-v") : cell.textContent.trim(); }

  function compare(a, b, sign) {
    if (a === b) return 0;
    if (a === "" || a === "–" || a === "None") return 1;
    if (b === "" || b === "–" || b === "None") return -1;
    var x = Number(a.replace(/,/g, "")), y = Number(b.replace(/,/g, ""));
    return sign * (isNaN(x) || isNaN(y) ? a.localeCompare(b, document.documentElement.lang) : x - y);
  }

  function Board(table) {
    var panel = document.querySelector('[data-aki-panel="' + table.id + '"]');
    if (!panel) return;
    var heads = table.tHead.rows[0].cells, body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);
    var keys = Array.prototype.map.call(heads, function (head) { return head.dataset.key; });
    var facets = Array.prototype.map.call(panel.querySelectorAll("[data-aki-facet]"), function (one) { return one.dataset.akiFacet; });
    var sort = panel.elements.sort, search = panel.elements.q, clear = panel.querySelector("[data-aki-clear]");
    var count = panel.querySelector("[data-aki-count]"), empty = document.querySelector('[data-aki-empty="' + table.id + '"]');
    var data = rows.map(function (row) {
      var tags = {};
      (row.dataset.f || "").split(" ").forEach(function (tag) { if (tag) tags[tag] = true; });
      return { row: row, tags: tags, base: row.classList.contains("aki-row--base"), text: (row.textContent + " " + (row.dataset.q || "")).toLowerCase() };
    });
    var first = { sort: table.dataset.sort, columns: shownColumns().join(",") };

    function boxes(name) { return panel.querySelectorAll('input[name="' + name + '"]'); }
    function chosen(name) { var found = []; each(boxes(name), function (box) { if (box.checked) found.push(box.value); }); return found; }
    function shownColumns() { return chosen("columns"); }

    function fits(item, without) {
      if (item.base) return true;
      var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      if (!words.every(function (word) { return item.text.indexOf(word) >= 0; })) return false;
      return facets.every(function (facet) {
        if (facet === without) return true;
        var wanted = state[facet];
        return !wanted.length || wanted.some(function (one) { return item.tags[facet + ":" + one]; });
      });
    }

    var state = {};
    function filter() {
      facets.forEach(function (facet) { state[facet] = chosen(facet); });
      var shown = 0, all = 0;
      data.forEach(function (item) { var fit = fits(item); item.row.hidden = !fit; if (!item.base) { all += 1; if (fit) shown += 1; } });
      facets.forEach(function (facet) {
        var pool = data.filter(function (item) { return !item.base && fits(item, facet); });
        each(boxes(facet), function (box) {
          var tag = facet + ":" + box.value, n = pool.filter(function (item) { return item.tags[tag]; }).length;
          box.parentNode.querySelector(".aki-count").textContent = n;
          box.parentNode.classList.toggle("none", !n);
        });
        var details = panel.querySelector('[data-aki-facet="' + facet + '"]');
        details.classList.toggle("chosen", state[facet].length > 0);
        details.querySelector(".aki-facet__chosen").textContent = state[facet].length || "";
      });
      count.textContent = count.dataset.template.replace("{shown}", shown).replace("{all}", all);
      if (empty) empty.hidden = shown > 0;
      if (clear) clear.hidden = !search.value && facets.every(function (facet) { return !state[facet].length; });
    }

    var order = table.dataset.sort;
    function arrange() {
      var key = order.replace(/^-/, ""), sign = order[0] === "-" ? -1 : 1, at = keys.indexOf(key);
      each(heads, function (head) { if (head.dataset.key === key) head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending"); else head.removeAttribute("aria-sort"); });
      if (at < 0) return;
      var sorted = data.slice().sort(function (a, b) { return b.base - a.base || compare(value(a.row.cells[at]), value(b.row.cells[at]), sign); });
      var together = document.createDocumentFragment();
      sorted.forEach(function (item) { together.appendChild(item.row); });
      body.appendChild(together);
      each(sort.options, function (option) { if (option.value.replace(/^-/, "") === key) sort.value = option.value; });
    }

    function columns() {
      var on = shownColumns(), choice = boxes("columns");
      each(choice, function (box) {
        var at = keys.indexOf(box.value), off = on.indexOf(box.value) < 0;
        heads[at].toggleAttribute("data-off", off);
        rows.forEach(function (row) { if (row.cells[at]) row.cells[at].toggleAttribute("data-off", off); });
      });
    }

    function remember() {
      var now = params();
      facets.forEach(function (facet) { if (state[facet].length) now.set(facet, state[facet].join(",")); else now.delete(facet); });
      if (search.value) now.set("find", search.value); else now.delete("find");
      if (order !== first.sort && order) now.set("sort", order); else now.delete("sort");
      var on = shownColumns().join(",");
      if (on !== first.columns) now.set("columns", on); else now.delete("columns");
      var text = now.toString().replace(/%2C/g, ",");
      try { history.replaceState(history.state, "", location.pathname + (text ? "?" + text : "") + location.hash); } catch (error) { /* from disk */ }
      carry();
    }

    function recall() {
      var now = params();
      facets.forEach(function (facet) { var wanted = (now.get(facet) || "").split(","); each(boxes(facet), function (box) { box.checked = wanted.indexOf(box.value) >= 0; }); });
      search.value = now.get("find") || "";
      order = now.get("sort") || first.sort;
      if (now.has("columns")) { var on = now.get("columns").split(","); each(boxes("columns"), function (box) { box.checked = on.indexOf(box.value) >= 0; }); }
    }

    each(heads, function (head) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) button.appendChild(head.firstChild);
      head.appendChild(button);
      button.addEventListener("click", function () {
        var key = head.dataset.key, numeric = head.classList.contains("num") || key === "date";
        if (order === key) order = "-" + key; else if (order === "-" + key) order = key; else order = (numeric ? "-" : "") + key;
        arrange(); remember();
      });
    });
    panel.addEventListener("input", function (event) {
      if (event.target.name === "sort") { order = sort.value; arrange(); }
      else if (event.target.name === "columns") columns();
      else filter();
      remember();
    });
    panel.addEventListener("submit", function (event) { event.preventDefault(); });
    if (clear) clear.addEventListener("click", function () {
      search.value = "";
      facets.forEach(function (facet) { each(boxes(facet), function (box) { box.checked = false; }); });
      filter(); remember(); search.focus();
    });
    each(panel.querySelectorAll("[data-aki-export]"), function (button) {
      button.addEventListener("click", function () { take(button.dataset.akiExport); });
    });
    panel.addEventListener("keydown", function (event) {
      var open = event.target.closest("details[open]");
      if (event.key === "Escape" && open) { open.open = false; open.querySelector("summary").focus(); event.stopPropagation(); }
    });
    document.addEventListener("click", function (event) { each(panel.querySelectorAll("details[open]"), function (one) { if (!one.contains(event.target)) one.open = false; }); });

    function view() {
      var at = keys.map(function (key, index) { return index; }).filter(function (index) { return !heads[index].hasAttribute("data-off"); });
      return {
        keys: at.map(function (index) { return keys[index]; }),
        labels: at.map(function (index) { return heads[index].textContent.trim(); }),
        rows: Array.prototype.filter.call(body.rows, function (row) { return !row.hidden; }).map(function (row) {
          return at.map(function (index) { var text = value(row.cells[index]); return text === "None" || text === "–" ? "" : text; });
        })
      };
    }
    function take(kind) {
      var text = formats[kind](view()), ending = { csv: "csv", json: "json", latex: "tex", markdown: "md" }[kind];
      var link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
      link.download = table.id + "." + ending;
      link.click();
      setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    }

    panel.hidden = false;
    recall(); columns(); filter();
    if (order) arrange();
    carry();
  }

  function typed(text) { return text !== "" && !isNaN(Number(text)) ? Number(text) : text || null; }
  function tex(text) { return text.replace(/\\/g, "\\textbackslash{}").replace(/[&%$#_{}]/g, "\\$&").replace(/~/g, "\\textasciitilde{}").replace(/\^/g, "\\textasciicircum{}"); }
  var formats = {
    csv: function (view) { return [view.keys].concat(view.rows).map(function (row) { return row.map(function (text) { return /[",\n]/.test(text) || /^[=+@\t]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text; }).join(","); }).join("\n") + "\n"; },
    json: function (view) { return JSON.stringify(view.rows.map(function (row) { var entry = {}; view.keys.forEach(function (key, index) { entry[key] = typed(row[index]); }); return entry; }), null, 1) + "\n"; },
    latex: function (view) {
      var line = function (row) { return row.map(tex).join(" & ") + " \\\\"; };
      return ["\\begin{tabular}{" + view.keys.map(function (key, index) { return index ? "r" : "l"; }).join("") + "}", "\\toprule", line(view.labels), "\\midrule"].concat(view.rows.map(line), ["\\bottomrule", "\\end{tabular}", ""]).join("\n");
    },
    markdown: function (view) {
      var line = function (row) { return "| " + row.map(function (text) { return text.replace(/\|/g, "\\|").replace(/\n/g, " "); }).join(" | ") + " |"; };
      return [line(view.labels), "|" + view.keys.map(function () { return " --- |"; }).join("")].concat(view.rows.map(line), [""]).join("\n");
    }
  };

  /* The language switch takes the state of the view with it. */
  function carry() {
    each(document.querySelectorAll("[data-aki-language]"), function (link) {
      var plain = link.getAttribute("href").split(/[?#]/)[0];
      link.setAttribute("href", plain + location.search + location.hash);
    });
  }
  window.addEventListener("hashchange", carry);

  /* Tables of written pages that the theme lets scroll sideways can be scrolled by keyboard, too. */
  window.addEventListener("load", function () {
    each(document.querySelectorAll(".md-typeset__scrollwrap"), function (wrap) { wrap.tabIndex = 0; });
  });

  each(document.querySelectorAll("[data-aki-copy]"), function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    var label = button.textContent;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(document.getElementById(button.dataset.akiCopy).textContent.trim() + "\n").then(function () {
        button.textContent = button.dataset.done;
        setTimeout(function () { button.textContent = label; }, 1500);
      });
    });
  });
  each(document.querySelectorAll("table[data-aki-table]"), Board);
  carry();
})();
