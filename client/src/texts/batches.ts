/** What the view of batches says. */
export const batchTexts = {
  title: 'Batches',
  link: 'Batches',
  back: 'All operations',
  none: 'No batch so far',
  noneAdvice: 'Several files or directories that are staged at once stand here together.',
  more: 'Show more',
};
