// Posts are strangers' text. Everything of theirs goes into the page as text nodes, never as markup.

export const at = (id) => document.getElementById(id);

/** Makes an element of a class, with text or elements inside. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A button that does something when it is pressed. */
export function button(className, text, press) {
  const made = element('button', className, text);
  made.type = 'button';
  made.addEventListener('click', press);
  return made;
}

/** Whether motion is welcome; asked each time, since people change their minds. */
export const moves = () => !matchMedia('(prefers-reduced-motion: reduce)').matches;
