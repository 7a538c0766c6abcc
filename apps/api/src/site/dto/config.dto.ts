import { ApiProperty } from '@nestjs/swagger';
import { RootDto, StorageDto } from './root.dto';

/** A way to stage data. */
export class MethodDto {
  @ApiProperty({ description: 'Name, for `method`.', example: 'local_copy' })
  name!: string;

  @ApiProperty({ description: 'Older spellings of the name.', type: [String], example: [] })
  aliases!: string[];

  @ApiProperty({
    description: 'What it does.',
    example: 'Copies the data into the user area, verified and read-only.',
  })
  description!: string;

  @ApiProperty({ description: 'Whether it needs `relative_path`.', example: true })
  needs_relative_path!: boolean;

  @ApiProperty({
    description: 'Whether the service behind it answered when it was asked last; null where there is none.',
    type: Boolean,
    nullable: true,
    example: null,
  })
  available!: boolean | null;

  @ApiProperty({ description: 'Why it is not available.', type: String, nullable: true, example: null })
  problem!: string | null;
}

/** What one request may ask for at most. */
export class LimitsDto {
  @ApiProperty({ description: 'Files of one operation; 0: no limit.', type: 'integer', example: 0 })
  max_tree_files!: number;

  @ApiProperty({ description: 'Bytes of one operation; 0: no limit.', type: 'integer', format: 'int64', example: 0 })
  max_operation_bytes!: number;

  @ApiProperty({ description: 'Items of one batch.', type: 'integer', example: 100000 })
  max_batch_items!: number;

  @ApiProperty({ description: 'Operations of one user that run at once; 0: no limit.', type: 'integer', example: 0 })
  max_running_per_user!: number;

  @ApiProperty({ description: 'Operations of one user that may wait; 0: no limit.', type: 'integer', example: 0 })
  max_queued_per_user!: number;

  @ApiProperty({ description: 'Operations that run at once, downloads aside.', type: 'integer', example: 4 })
  max_running!: number;

  @ApiProperty({ description: 'Bytes of a path.', type: 'integer', example: 4096 })
  max_path_bytes!: number;

  @ApiProperty({ description: 'Bytes of one name in a path.', type: 'integer', example: 255 })
  max_segment_bytes!: number;

  @ApiProperty({ description: 'Seconds that a download link works.', type: 'integer', example: 3600 })
  download_url_ttl_seconds!: number;
}

/** How callers sign in. */
export class AuthDto {
  @ApiProperty({
    description: '`none`: nobody signs in; `oidc`: with a bearer token of the OpenID provider.',
    enum: ['none', 'oidc'],
    example: 'none',
  })
  mode!: string;

  @ApiProperty({
    description: 'The OpenID provider.',
    type: String,
    nullable: true,
    example: 'https://iam.example.org/',
  })
  issuer!: string | null;

  @ApiProperty({
    description: 'Client with which a page signs users in.',
    type: String,
    nullable: true,
    example: 'staging',
  })
  client_id!: string | null;

  @ApiProperty({
    description: 'What tokens for this service name in `aud`: a page asks the provider for that.',
    type: String,
    nullable: true,
    example: 'https://staging.example.org',
  })
  audience!: string | null;
}

/** Who asks. */
export class CallerDto {
  @ApiProperty({
    description: '`anyone` where there is no sign-in.',
    enum: ['anyone', 'user', 'service', 'operator'],
    example: 'user',
  })
  role!: 'anyone' | 'user' | 'service' | 'operator';

  @ApiProperty({ description: 'Their name at this site.', type: String, nullable: true, example: 'jane' })
  username!: string | null;
}

/** The site, for its users and their programs. */
export class ConfigDto {
  @ApiProperty({ description: 'Version of the service.', example: '0.1.0' })
  version!: string;

  @ApiProperty({
    description: 'Path of the first storage on the host; null for those who may not know it.',
    type: String,
    nullable: true,
    example: '/srv/storage',
  })
  source_storage_path!: string | null;

  @ApiProperty({
    description: 'Path of the user areas on the host; null for those who may not know it.',
    type: String,
    nullable: true,
    example: '/srv/user_areas',
  })
  target_storage_path!: string | null;

  @ApiProperty({
    description: 'Methods that the site offers.',
    type: [String],
    example: ['local_copy', 'symlink_copy'],
  })
  allowed_methods!: string[];

  @ApiProperty({ description: 'The same with what there is to know of them.', type: [MethodDto] })
  methods!: MethodDto[];

  @ApiProperty({
    description: 'The storages, the default one first; as they were seen a few seconds ago.',
    type: [StorageDto],
  })
  storages!: StorageDto[];

  @ApiProperty({ description: 'The user areas, as they were seen a few seconds ago.', type: RootDto })
  user_areas!: RootDto;

  @ApiProperty({
    description: 'Address of the JupyterHub, where there is one.',
    type: String,
    nullable: true,
    example: 'https://hub.example.org/',
  })
  jupyterhub_url!: string | null;

  @ApiProperty({
    description: 'Who asks; null for who has not signed in, or is not served.',
    type: CallerDto,
    nullable: true,
  })
  caller!: CallerDto | null;

  @ApiProperty({ description: 'What copies are verified with; `none` for nothing.', example: 'xxh3' })
  checksum!: string;

  @ApiProperty({
    description:
      'Whose permissions decide what of the storage may be read: those of the `service`, or those of the `user` for whom it is.',
    enum: ['service', 'user'],
    example: 'service',
  })
  source_access!: 'service' | 'user';

  @ApiProperty({
    description: 'What `symlink_copy` does where no hard link can be made: `error`, `copy` or `symlink`.',
    example: 'error',
  })
  link_fallback!: string;

  @ApiProperty({
    description: 'The user area as users see it; `{username}` stands for the name.',
    type: String,
    nullable: true,
    example: '/home/{username}',
  })
  user_view_prefix!: string | null;

  @ApiProperty({ description: 'Whether `POST /create-file` is offered.', example: true })
  file_creation_enabled!: boolean;

  @ApiProperty({ description: 'Limits of requests.', type: LimitsDto })
  limits!: LimitsDto;

  @ApiProperty({ description: 'How callers sign in.', type: AuthDto })
  auth!: AuthDto;
}

/** The methods that the site offers. */
export class AllowedMethodsDto {
  @ApiProperty({ description: 'Their names.', type: [String], example: ['local_copy', 'symlink_copy'] })
  allowed_methods!: string[];
}
