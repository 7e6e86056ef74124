// Counts the first answer to each question of the self-test and names the chapters to read.
const questions = [...document.querySelectorAll('.self-test-question')];
const result = document.querySelector('.self-test-result');

function chapterLink(question) {
  const link = document.createElement('a');
  Object.assign(link, { href: question.dataset.page, textContent: question.dataset.title });
  return link;
}

function paragraph(...parts) {
  const element = document.createElement('p');
  element.append(...parts);
  return element;
}

function againButton() {
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', textContent: 'Start again' });
  button.addEventListener('click', () => {
    for (const question of questions) {
      delete question.dataset.first;
      for (const answer of question.querySelectorAll('details')) answer.open = false;
    }
    show();
  });
  return button;
}

function show() {
  const answered = questions.filter((question) => question.dataset.first);
  const missed = answered.filter((question) => question.dataset.first === 'wrong');
  const count = `${answered.length} of ${questions.length} questions answered`;
  result.replaceChildren(paragraph(`${count}.`));
  if (answered.length < questions.length) return;
  const right = `${questions.length - missed.length} of ${questions.length} right at the first try.`;
  result.replaceChildren(paragraph(right));
  if (missed.length) {
    const list = document.createElement('ul');
    for (const question of missed.slice(1)) {
      const item = document.createElement('li');
      item.append(chapterLink(question));
      list.append(item);
    }
    result.append(paragraph('Begin with chapter ', chapterLink(missed[0]), '.'));
    if (missed.length > 1) result.append(paragraph('Then read:'), list);
  } else {
    result.append(paragraph('You know the basics. Go to the last chapters: the clinic and the audit.'));
  }
  result.append(againButton());
}

if (result) {
  for (const question of questions) {
    for (const answer of question.querySelectorAll('details')) {
      answer.addEventListener('toggle', () => {
        if (!answer.open || question.dataset.first) return;
        question.dataset.first = 'right' in answer.dataset ? 'right' : 'wrong';
        show();
      });
    }
  }
  show();
}
