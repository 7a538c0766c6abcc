import { describeWhere } from '../../support/describe-where';
import { redisMissing, startRedis } from '../../support/redis';

describeWhere(redisMissing(), 'a private Redis', () => {
  it('keeps what was written over a crash only where that is asked for', async () => {
    const [forgetful, keeping] = await Promise.all([startRedis(), startRedis({ keepsData: true })]);
    for (const redis of [forgetful, keeping]) {
      const { url } = redis;
      await redis.run('SET', 'key', 'kept');
      await redis.kill9();
      await expect(redis.run('PING')).rejects.toThrow();
      await redis.restart();
      expect(redis.url).toBe(url);
    }
    expect(await forgetful.run('GET', 'key')).toBeNull();
    expect(await keeping.run('GET', 'key')).toBe('kept');
    await keeping.flush();
    await keeping.stop();
    await keeping.restart();
    expect(await keeping.run('GET', 'key')).toBeNull();
  });

  it('answers nothing while it is frozen, and everything afterwards', async () => {
    const redis = await startRedis({ password: 'p@ss/word' });
    redis.freeze();
    let answered = false;
    const answer = redis.run('PING').finally(() => (answered = true));
    // Long enough for an answer, were there one.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answered).toBe(false);
    redis.thaw();
    expect(await answer).toBe('PONG');
  });
});
