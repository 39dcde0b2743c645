// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

/** Sees recorded calls while they are made again. One thread. */
public interface CallWatcher {
  /**
   * Whether a call is to be seen.
   *
   * @param number its number in the recording, from 1
   */
  boolean wants(long number);

  /**
   * A wanted call is about to be made.
   *
   * @param call as the recording has it
   * @param process who makes it; valid until {@link #after} returns
   */
  void before(long number, String call, RunningProcess process);

  /**
   * It was made.
   *
   * @param recorded what it gave in Linux, {@code ?} if that is not known
   * @param here what it gave here
   * @param ended whether the process ended by it; it may not be looked at then
   */
  void after(String recorded, String here, boolean ended);
}
