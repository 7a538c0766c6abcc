import { infiniteQueryOptions } from '@tanstack/react-query';
import type { PathText } from '../lib/names';
import { api, must } from './client';

const PAGE = 500;

/** A directory: of a storage, or of a user's area. */
export type Place =
  | { area: null; storage: string; username: string | null; path: PathText }
  | { area: string; storage: null; username: null; path: PathText };

/** What a directory holds, by name, in parts. */
export const directoryQuery = (place: Place) =>
  infiniteQueryOptions({
    queryKey: ['directory', place],
    queryFn: ({ pageParam: cursor, signal }) => {
      const { text: path, encoding } = place.path;
      const query = { path, name_encoding: encoding ?? undefined, limit: PAGE, cursor };
      if (place.area !== null) {
        return must(api.GET('/user-areas/{username}', { params: { path: { username: place.area }, query }, signal }));
      }
      const { storage, username } = place;
      return must(
        api.GET('/storage', { params: { query: { ...query, storage, username: username ?? undefined } }, signal }),
      );
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    staleTime: 10_000,
  });

/** Makes a small file on the storage. */
export function createFile(filename: string, content: string) {
  return must(api.POST('/create-file', { body: { filename, content } }));
}
