// The query is cut as `search.py` cuts what is looked through; one character alone stays alone.
const runsOf = (query) => query.match(/[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{L}\p{N}_])+/gu) ?? [];
var splitQuery = (query) =>
  runsOf(query).flatMap((run) =>
    /^[\u3400-\u9fff]{2}/.test(run) ? [...run.slice(1)].map((last, k) => run[k] + last) : [run]
  );

// What is marked where it is found are the words as they were typed.
const parsed = Search._parseQuery;
Search._parseQuery = (query) => {
  const [words, wanted, unwanted, , objects] = parsed(query);
  const typed = runsOf(query.toLowerCase());
  localStorage.setItem("sphinx_highlight_terms", typed.join(" "));
  return [words, wanted, unwanted, new Set(typed), objects];
};

// Sphinx takes words of two letters for fillers if there is a longer one. Here each is wanted.
const withOneWord = Search.performTermsSearch;
Search.performTermsSearch = (words, excluded) => {
  const [first = [], ...others] = [...words].map((word) => withOneWord(new Set([word]), excluded));
  return first.filter(([page]) => others.every((found) => found.some(([other]) => other === page)));
};
