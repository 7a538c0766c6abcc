/** What the view says in which files are made. */
export const filesTexts = {
  off: 'This site does not let files be made here.',
  about: 'Make a small file on the storage, to try the service with. What is there is never overwritten.',
  name: 'Name',
  nameHint: (storage: string) => `On the storage "${storage}"; its directory must exist.`,
  nameExample: 'notes/hello.txt',
  content: 'Content',
  contentHint: (size: string, most: string) => `${size} of at most ${most}`,
  tooLarge: 'This is too much for a file made here',
  create: 'Create',
  created: 'The file is there',
  stage: 'Stage it',
  failed: 'No file was made',
};
