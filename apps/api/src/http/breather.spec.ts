import { Breather } from './breather';

describe('Breather', () => {
  it('lets others have their turn when its own has become long, and not before', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    const breather = new Breather();
    let turns = 0;
    const othersWait = () => setImmediate(() => (turns += 1));
    othersWait();
    now.mockReturnValue(4);
    await breather.pause();
    expect(turns).toBe(0);
    now.mockReturnValue(5);
    await breather.pause();
    expect(turns).toBe(1);
    othersWait();
    now.mockReturnValue(9);
    await breather.pause();
    expect(turns).toBe(1);
    now.mockRestore();
  });
});
