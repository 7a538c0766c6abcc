import { describeWhere } from '../support/describe-where';
import { mariadbMissing } from '../support/mariadb';
import { mountingMissing } from '../support/mounts';
import { redisMissing } from '../support/redis';
import { type BuiltImage, buildahMissing, buildImage } from './buildah';
import { describeContents } from './describe-contents';
import { describeApi, describeWorker } from './describe-processes';

const BUILD_TIMEOUT_MS = 20 * 60_000;

// The real Dockerfile, built by a real builder, and real processes in real namespaces. Only the image that it begins with
// is a stand-in, made of Debian's packages and this machine's Node.
describeWhere(buildahMissing() ?? mountingMissing(), 'the image', () => {
  let built: BuiltImage;
  const image = () => built;
  beforeAll(async () => {
    built = await buildImage();
  }, BUILD_TIMEOUT_MS);

  describe('holds', () => describeContents(image));
  describe('as an API', () => describeApi(image));
  describeWhere(mariadbMissing() ?? redisMissing(), 'as API and worker', () => describeWorker(image));
});
