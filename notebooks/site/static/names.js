// Controls of the theme whose names are missing, or differ from what they show.
document.addEventListener('DOMContentLoaded', () => {
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
});
