// The form of a draft: marks the variables of templates while they are typed, adds rows.
(() => {
  "use strict";
  const form = document.querySelector("[data-draft]");
  if (!form) return;
  // As prompts/rendering.py finds them.
  const variable = /\{\{\s*[\p{L}\p{N}_]+\s*\}\}/gu;

  // Behind each box lies a copy of its text, itself invisible but for the marks; it also makes the
  // box as high as its text.
  function mirror(box) {
    const back = document.createElement("div");
    back.className = "code-edit__mirror";
    back.setAttribute("aria-hidden", "true");
    const area = box.querySelector("textarea");
    box.prepend(back);
    const draw = () => {
      const parts = [];
      let end = 0;
      for (const found of area.value.matchAll(variable)) {
        parts.push(area.value.slice(end, found.index));
        const mark = document.createElement("mark");
        mark.textContent = found[0];
        parts.push(mark);
        end = found.index + found[0].length;
      }
      back.replaceChildren(...parts, `${area.value.slice(end)}\n`);
    };
    let waiting = 0;
    area.addEventListener("input", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(draw);
    });
    draw();
  }
  for (const box of form.querySelectorAll("[data-code]")) mirror(box);

  // --- rows of variables: a formset of Django's ---
  const rows = form.querySelector("[data-variables]");
  const blank = form.querySelector("[data-variable-template]");
  const total = form.querySelector("[name=variables-TOTAL_FORMS]");
  function emptyRow() {
    return [...rows.querySelectorAll("[data-variable]")].find((row) =>
      [...row.querySelectorAll("input")].every((input) => !input.value),
    );
  }
  function addRow() {
    const copy = blank.content.cloneNode(true);
    for (const field of copy.querySelectorAll("[name]")) {
      field.name = field.name.replace("__prefix__", total.value);
      field.id = field.id.replace("__prefix__", total.value);
    }
    total.value = Number(total.value) + 1;
    rows.append(copy);
    return rows.lastElementChild;
  }
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-add-variable]")) {
      (emptyRow() || addRow()).querySelector("input").focus();
    }
    const declare = event.target.closest("[data-declare]");
    if (declare) {
      const row = emptyRow() || addRow();
      row.querySelector("[name$=-name]").value = declare.dataset.declare;
      row.querySelector("[name$=-example]").focus();
      form.dispatchEvent(new Event("assay:changed"));
    }
  });

  // --- leaving with unsaved text asks first ---
  let changed = form.querySelector(".notice--error") !== null;
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("submit", () => (changed = false));
  addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
})();
