// What the theme leaves out for screen readers and keyboards.
document.addEventListener('DOMContentLoaded', () => {
  // Names of controls that are missing, or differ from what they show.
  for (const toggle of document.querySelectorAll('summary:has(> .toctree-toggle)')) {
    const page = toggle.closest('li').querySelector('a');
    toggle.setAttribute('aria-label', `Pages under ${page.textContent.trim()}`);
  }
  for (const summary of document.querySelectorAll('details.hide > summary')) {
    summary.removeAttribute('aria-label'); // its text says what it shows
  }
  for (const button of document.querySelectorAll('.search-button-field')) {
    button.removeAttribute('aria-label'); // its text says more
  }
  // A table that scrolls can be reached, and then scrolled, by keyboard.
  const observer = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute('tabindex');
    }
  });
  for (const table of document.querySelectorAll('.bd-article table')) observer.observe(table);
});
