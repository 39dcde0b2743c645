// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of what a segment tells of its use, and of segments that go by themselves. */
public final class SegmentUseCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "ipcs shows it, and services clean up by it.",
          "a segment that is used looks forgotten, or one that is forgotten stays");

  private static final long PAGE = Bits.PAGE;
  private static final long START = 1_000_000;

  /** Places in {@code struct shmid_ds}. */
  private static final int ATTACHED_AT = 56;

  private static final int DETACHED_AT = 64;
  private static final int CHANGED_AT = 72;
  private static final int MAKER = 80;
  private static final int LAST = 84;
  private static final int MODE = 20;

  private SegmentUseCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F73",
            "times-of-segments",
            "Each mapping of a segment that begins sets its time of attachment, also by a split"
                + " and by fork, each that ends that of detachment, also by munmap and exit; both"
                + " name the process that made the call. IPC_SET sets the time of change, SHM_LOCK"
                + " does not. Without a clock all of it is unknown.",
            "shm_open, shm_close, newseg, shmctl_down (ipc/shm.c); LTP shmctl01, shmctl08",
            SegmentUseCases::times),
        GROUP.rule(
            "AS-F74",
            "forced-removal",
            "With kernel.shm_rmid_forced a segment goes with its last mapping or, if nobody maps"
                + " it, with its maker; when it is set, those go whose maker has ended.",
            "shm_may_destroy, exit_shm, shm_destroy_orphaned (ipc/shm.c)",
            SegmentUseCases::forced));
  }

  private static long control(Rig rig, long id, long command) {
    return rig.mm.syscall(Syscall.SHMCTL, id, command, FAR);
  }

  private static long make(Rig rig) {
    return Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0, 3 * PAGE, 01600));
  }

  /** What IPC_STAT tells, in seconds since the start; 0 for never and nobody. */
  private static void tells(Rig rig, long id, long[] times, int maker, int last) {
    rig.gives("IPC_STAT", 0, control(rig, id, Uapi.IPC_STAT));
    int[] places = {ATTACHED_AT, DETACHED_AT, CHANGED_AT};
    for (int i = 0; i < places.length; i++) {
      long time = times[i] == 0 ? 0 : START + times[i];
      for (int b = 0; b < Long.BYTES; b++) {
        rig.has(FAR + places[i] + b, (int) (time >>> (b * Byte.SIZE)) & 255);
      }
    }
    rig.has(FAR + MAKER, maker);
    rig.has(FAR + LAST, last);
  }

  private static void times(Rig rig) {
    rig.map(FAR, PAGE, RW);
    long unknown = make(rig);
    rig.gives("IPC_STAT", 0, control(rig, unknown, Uapi.IPC_STAT));
    rig.has(FAR + CHANGED_AT, -1);
    rig.has(FAR + MAKER, -1);
    long[] now = {1};
    rig.floor.clock(() -> START + now[0]);
    int me = rig.mm.pid();
    long id = make(rig);
    tells(rig, id, new long[] {0, 0, 1}, me, 0);
    now[0] = 2;
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, id, A, 0));
    tells(rig, id, new long[] {2, 0, 1}, me, me);
    now[0] = 3;
    rig.protect(A + PAGE, PAGE, READ);
    tells(rig, id, new long[] {3, 0, 1}, me, me);
    now[0] = 4;
    Rig child = rig.fork();
    tells(rig, id, new long[] {4, 0, 1}, me, me);
    now[0] = 5;
    rig.unmap(A, PAGE);
    tells(rig, id, new long[] {4, 5, 1}, me, me);
    now[0] = 6;
    int his = child.mm.pid();
    child.mm.exit();
    tells(rig, id, new long[] {4, 6, 1}, me, his);
    now[0] = 7;
    rig.put(FAR + MODE, 0640 & 255);
    rig.gives("IPC_SET", 0, control(rig, id, Uapi.IPC_SET));
    tells(rig, id, new long[] {4, 6, 7}, me, his);
    now[0] = 8;
    rig.gives("SHM_LOCK", 0, control(rig, id, Uapi.SHM_LOCK));
    tells(rig, id, new long[] {4, 6, 7}, me, his);
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    tells(rig, id, new long[] {4, 8, 7}, me, me);
  }

  private static void sysctl(Rig rig, String value) {
    rig.gives("shm_rmid_forced", 0, rig.floor.writeSysctl("shm_rmid_forced", value));
  }

  private static void gone(Rig rig, String what, long id) {
    Looks.fails(rig, what, Errno.EINVAL, control(rig, id, Uapi.IPC_STAT));
  }

  private static void there(Rig rig, String what, long id) {
    rig.gives(what, 0, control(rig, id, Uapi.IPC_STAT));
  }

  private static void forced(Rig rig) {
    rig.map(FAR, PAGE, RW);
    Rig child = rig.fork();
    long orphan = make(child);
    long used = make(child);
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, used, A, 0));
    long own = make(rig);
    child.mm.exit();
    there(rig, "of a maker that has ended", orphan);
    long wrong = rig.floor.writeSysctl("shm_rmid_forced", "2");
    Looks.fails(rig, "2", Errno.EINVAL, wrong);
    sysctl(rig, "1");
    gone(rig, "that nobody maps", orphan);
    there(rig, "that is mapped", used);
    there(rig, "of one that lives", own);
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    gone(rig, "that was detached", used);
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, own, A, 0));
    Rig other = rig.fork();
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    there(rig, "that a child maps", own);
    long his = make(other);
    other.mm.exit();
    gone(rig, "whose last mapping ended", own);
    gone(rig, "of a maker that ends", his);
    sysctl(rig, "0");
    long kept = make(rig);
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, kept, A, 0));
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    there(rig, "without force", kept);
  }
}
