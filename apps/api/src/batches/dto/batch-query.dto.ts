import { PickType } from '@nestjs/swagger';
import { StageQueryDto } from '../../staging/dto/stage-query.dto';

/** How, and for whom: the same for all items. */
export class BatchQueryDto extends PickType(StageQueryDto, ['method', 'username', 'server'] as const) {}
