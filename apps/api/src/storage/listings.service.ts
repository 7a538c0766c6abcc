import { Injectable } from '@nestjs/common';
import { Settings } from '@app/core';
import { FileBrowser, type ListedEntry, type ListedPage, type RawName, readPath, showPath } from '@app/files';
import { type ListingPageDto, type ListedEntryDto } from './dto/listing.dto';
import { type ListingQueryDto, type StorageQueryDto } from './dto/listing-query.dto';
import { cursorBehind, nameOfCursor } from './listing-cursor';

/** Directories of storages and user areas, a page at a time. */
@Injectable()
export class Listings {
  constructor(
    private readonly browser: FileBrowser,
    private readonly settings: Settings,
  ) {}

  /** A directory of a storage as a user may see it (null: nobody in particular), or the storages themselves. */
  async ofStorage(query: StorageQueryDto, username: string | null): Promise<ListingPageDto> {
    if (query.path === '' && query.storage === undefined) return { items: this.storages(), next_cursor: null };
    return pageDto(await this.browser.listStorage({ ...requestOf(query), username, storage: query.storage }));
  }

  /** A directory of a user's area; the area of a user who has none yet is empty. */
  async ofArea(username: string, query: ListingQueryDto): Promise<ListingPageDto> {
    return pageDto(await this.browser.listArea({ ...requestOf(query), username }));
  }

  private storages(): ListedEntryDto[] {
    return this.settings.get('SOURCE_STORAGE_PATH').map(({ name }) => ({
      name,
      kind: 'directory',
      size: null,
      mtime: null,
      name_encoding: null,
      storage: name,
    }));
  }
}

/** What the browser needs; the top of a tree is `.`, since a path is never empty. */
function requestOf({ path, name_encoding: encoding, cursor, limit }: ListingQueryDto) {
  const raw: RawName = path === '' ? '.' : readPath('path', path, encoding);
  return { path: raw, asSent: path, after: nameOfCursor(cursor), limit };
}

function pageDto({ entries, more }: ListedPage): ListingPageDto {
  const last = entries.at(-1);
  return { items: entries.map(entryDto), next_cursor: more && last ? cursorBehind(last.name) : null };
}

function entryDto({ name, kind, size, mtimeMs }: ListedEntry): ListedEntryDto {
  const { text, encoding } = showPath(name);
  const mtime = mtimeMs === null ? null : timeText(mtimeMs);
  return { name: text, kind, size, mtime, name_encoding: encoding };
}

/** File systems hold times that JavaScript's dates do not reach. */
function timeText(milliseconds: number): string | null {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
