import { Body, Controller, Post, UseGuards } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { FileBrowser, readPath } from '@app/files';
import { AppLogger } from '@app/logging';
import { Access } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';
import { tooLarge } from '../http/to-app-error';
import { CreateFileDto, FileCreatedDto } from './dto/create-file.dto';
import { FileCreationGuard } from './file-creation.guard';

/** Content of a file, in bytes. */
const MAX_CONTENT = 1024 ** 2;

/** Small files for trying things out. */
@ApiTags('storage')
@UseGuards(FileCreationGuard)
@Access('operator')
@Controller('create-file')
export class CreateFileController {
  constructor(
    private readonly browser: FileBrowser,
    private readonly logger: AppLogger,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createFile',
    summary: 'Create a file on the storage',
    description: 'Never overwrites. Where the site switched it off, or the storage is read-only: 404.',
  })
  @ApiCreatedResponse({ description: 'The file is there.', type: FileCreatedDto })
  @ApiErrors({
    path: '/create-file',
    codes: [
      'validation_failed',
      'source_not_found',
      'path_outside_storage',
      'not_found',
      'file_exists',
      'payload_too_large',
      'unsupported_media_type',
      'insufficient_storage',
      'storage_unavailable',
    ],
  })
  async create(@Body() { filename, content }: CreateFileDto): Promise<FileCreatedDto> {
    const bytes = Buffer.from(content, 'utf8');
    if (bytes.length > MAX_CONTENT) throw tooLarge(MAX_CONTENT, 'The content');
    await this.browser.createFile(readPath('filename', filename, null), filename, bytes);
    this.logger.info('File created', { filename, bytes: bytes.length });
    return { status: 'success', message: `File created: ${filename}` };
  }
}
