import { ApiProperty } from '@nestjs/swagger';
import { IsText } from '../../http/dto/rules';

/** A file to create. */
export class CreateFileDto {
  @ApiProperty({
    description: 'Path on the first storage, absolute or relative to it. Its directory must exist.',
    example: 'tests/hello.txt',
  })
  @IsText()
  filename!: string;

  @ApiProperty({ description: 'Content, at most 1 MiB in UTF-8.', example: 'Hello\n' })
  @IsText()
  content!: string;
}

/** A file that was created. */
export class FileCreatedDto {
  @ApiProperty({ description: 'Always `success`.', example: 'success' })
  status!: 'success';

  @ApiProperty({ description: 'What was done.', example: 'File created: tests/hello.txt' })
  message!: string;
}
