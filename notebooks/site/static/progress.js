// Ticks at the chapters that a reader has done. They are kept in this browser, and nowhere else.
const KEY = 'mil-tutorial:done';
const CHAPTER = /(?:^|\/)\d\d_(\w+)\.html/; // its name stays when its number moves

// Returns whether the browser keeps anything. Other tabs hear of the test, so it runs once a page.
function hasStorage() {
  try {
    localStorage.setItem(`${KEY}:test`, '');
    localStorage.removeItem(`${KEY}:test`);
    return true;
  } catch {
    return false;
  }
}

// Returns the names of the chapters done: none where what is kept cannot be read.
function read() {
  try {
    const done = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return new Set(Array.isArray(done) ? done : []);
  } catch {
    return new Set();
  }
}

function write(done) {
  try {
    localStorage.setItem(KEY, JSON.stringify([...done].sort()));
  } finally {
    refresh(); // a tick that could not be kept goes away
  }
}

function box(chapter, label) {
  const input = document.createElement('input');
  Object.assign(input, { type: 'checkbox', className: 'done-box' });
  input.dataset.chapter = chapter;
  if (label) input.setAttribute('aria-label', label);
  input.addEventListener('change', () => {
    const done = read();
    done[input.checked ? 'add' : 'delete'](chapter);
    write(done);
  });
  return input;
}

function refresh() {
  const done = read();
  for (const input of document.querySelectorAll('.done-box')) {
    input.checked = done.has(input.dataset.chapter);
  }
  for (const link of document.querySelectorAll('.course-paths a')) {
    const chapter = link.pathname.match(CHAPTER)?.[1];
    link.classList.toggle('done', done.has(chapter));
    link.title = done.has(chapter) ? 'done' : '';
  }
  for (const count of document.querySelectorAll('.done-count')) {
    const rows = document.querySelectorAll('.learning-path .done-box');
    count.textContent = `${[...rows].filter((row) => row.checked).length} of ${rows.length} chapters done.`;
  }
}

function addToTable(table) {
  for (const row of table.querySelectorAll('tbody tr')) {
    const link = row.querySelector('a');
    const chapter = link.pathname.match(CHAPTER)[1];
    link.before(box(chapter, `Done: ${link.textContent}`), ' ');
  }
  const note = document.createElement('p');
  note.className = 'done-note';
  const count = document.createElement('span');
  Object.assign(count, { className: 'done-count', role: 'status' });
  const forget = document.createElement('button');
  Object.assign(forget, { type: 'button', textContent: 'Forget my progress' });
  forget.addEventListener('click', () => write(new Set()));
  note.append(count, ' The ticks stay in this browser; nothing is sent. ', forget);
  table.append(note);
}

function addToChapter(article, chapter) {
  const note = document.createElement('p');
  note.className = 'done-note';
  const label = document.createElement('label');
  label.append(box(chapter), ' I have done this chapter');
  note.append(label, ' (the tick stays in this browser)');
  article.append(note);
}

if (hasStorage()) {
  document.querySelectorAll('.learning-path').forEach(addToTable);
  const chapter = location.pathname.match(CHAPTER)?.[1];
  const article = document.querySelector('.bd-article');
  if (chapter && article) addToChapter(article, chapter);
  refresh();
  window.addEventListener('storage', ({ key }) => { // another tab; null when all was cleared
    if (key === KEY || key === null) refresh();
  });
  window.addEventListener('pageshow', refresh); // the "back" button
}
