// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import io.mm4j.api.memory.HostTable;

/** A range of host memory that costs only what is touched. Offsets and lengths are in bytes. */
interface Ram extends HostTable, AutoCloseable {
  @Override
  void close();
}
