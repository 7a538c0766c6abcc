import { ApiProperty } from '@nestjs/swagger';
import { Allow } from 'class-validator';

/** A link under which a result can be had. */
export class DownloadUrlDto {
  @ApiProperty({
    description:
      'The link: for a browser, `curl -C -`, `wget -c` and the like. Relative to this service, or absolute where the site has told its own address. Whoever has it has the data.',
    example: '/downloads/AZgffmscfU6aOy9tjB5acAGZL4nQAF0kqYbZ3Qm2Vd0p7oTQn1n4JYxX8yWcR5uT3sKeLzH2',
  })
  download_url!: string;

  @ApiProperty({ description: 'Until when it works.', format: 'date-time', example: '2026-02-01T13:00:00.000Z' })
  expires_at!: string;
}

/** Which link. */
export class DownloadTokenDto {
  // Not checked here: there is one answer for every link that does not work.
  @ApiProperty({
    description: 'The token of the link.',
    example: 'AZgffmscfU6aOy9tjB5acAGZL4nQAF0kqYbZ3Qm2Vd0p7oTQn1n4JYxX8yWcR5uT3sKeLzH2',
  })
  @Allow()
  token!: string;
}
