// A form: fields are checked in the page, and what is typed and not saved is not left by mistake.

const form = document.querySelector("form[data-guard]");
if (form) {
  let dirty = "dirty" in form.dataset;
  const mark = () => {
    dirty = true;
    form.classList.add("dirty");
  };
  form.addEventListener("input", mark);
  form.addEventListener("moved", mark);
  addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });
  if (dirty) mark();

  // The page's own words beside the field, in place of the browser's bubble.
  form.noValidate = true;
  const note = (input) => document.getElementById(`${input.name.split("@")[0]}-wrong`);
  const clear = (input) => {
    const fault = note(input);
    if (!fault || !input.checkValidity()) return;
    fault.remove();
    input.closest(".field").classList.remove("wrong");
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  };
  const blame = (input) => {
    const fault = note(input) ?? document.createElement("p");
    fault.id = `${input.name.split("@")[0]}-wrong`;
    fault.className = "fault";
    fault.textContent = input.dataset.fault ?? input.validationMessage;
    const field = input.closest(".field");
    field.querySelector(".hint")?.setAttribute("hidden", "");
    field.classList.add("wrong");
    field.append(fault);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", fault.id);
  };
  form.addEventListener("input", (event) => clear(event.target));
  form.addEventListener("submit", (event) => {
    const wrong = event.submitter?.formNoValidate ? [] : [...form.querySelectorAll(":invalid:not(fieldset)")];
    if (wrong.length > 0) {
      event.preventDefault();
      wrong.forEach(blame);
      wrong[0].focus();
      return;
    }
    dirty = false;
  });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save]"));
    }
  });
}

// A refusal comes first, and leads to the fields.
document.getElementById("alarm")?.focus();
