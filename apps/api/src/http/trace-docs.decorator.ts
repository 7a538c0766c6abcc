import { ApiHeader } from '@nestjs/swagger';
import { TRACE_HEADER } from './request-context';

/** What the OpenAPI document says of the trace of a request that makes operations. */
export function ApiTraceParent(): MethodDecorator {
  return ApiHeader({
    name: TRACE_HEADER,
    required: false,
    description:
      'The trace that the request belongs to (W3C Trace Context). Lines of the log about what it makes name it as `trace_id`, and it is passed on to a JupyterHub and its servers. A malformed one counts as none: then a trace begins here.',
    schema: { type: 'string', example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
  });
}
