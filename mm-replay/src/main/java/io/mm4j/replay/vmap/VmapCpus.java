// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.vmap;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.InputException;

/** The CPUs of the machine on which a recording is replayed. */
record VmapCpus(Cpus cpus) {
  /** The recorded machine had so many. */
  static final int COUNT = 2;

  Cpu cpu(int id) {
    return cpus.get(id);
  }

  /** The CPU that a line names. */
  Cpu of(long id, String where) {
    if (id < 0 || id >= cpus.count()) {
      throw new InputException("there is no CPU " + id, where, "0 to " + (cpus.count() - 1));
    }
    return cpus.get((int) id);
  }
}
