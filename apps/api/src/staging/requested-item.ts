import { type BatchItem } from '@app/staging';
import { type StageDataDto } from './dto/stage-data.dto';

/** What a body asks for. */
export function requestedItem(body: StageDataDto): BatchItem {
  return {
    localPathOnStorage: body.local_path_on_storage,
    relativePath: body.relative_path,
    nameEncoding: body.name_encoding ?? null,
    storage: body.storage,
    checksum: body.checksum && { ...body.checksum },
    ifExists: body.if_exists,
    label: body.label,
  };
}
