/** What is wrong with a destination, in the words in which the service would refuse it. */
export const destinationFaults = {
  empty: 'must not be empty',
  nul: 'must not contain NUL',
  tooLong: (most: number) => `must not be longer than ${most} bytes`,
  segmentTooLong: (most: number) => `must not have a segment longer than ${most} bytes`,
  leaves: 'leaves the user area: give a path relative to it, without ".."',
  nothing: 'names no file or directory',
};
