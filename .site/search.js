// The query is cut as `search.py` cuts what is looked through; one character alone stays alone.
var splitQuery = (query) =>
  (query.match(/[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{L}\p{N}_])+/gu) ?? []).flatMap((run) =>
    /^[\u3400-\u9fff]{2}/.test(run) ? [...run.slice(1)].map((last, k) => run[k] + last) : [run]
  );

// Sphinx takes words of two letters for fillers, if there is a longer one. Here each is wanted.
const withOneWord = Search.performTermsSearch;
Search.performTermsSearch = (words, excluded) => {
  const [first, ...others] = [...words].map((word) => withOneWord(new Set([word]), excluded));
  const inAll = ([page]) => others.every((found) => found.some(([other]) => other === page));
  return (first ?? []).filter(inAll);
};
