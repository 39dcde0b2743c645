// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;

/** Provides {@link LinuxProcessFloor} as {@code linux}. */
public final class LinuxProcessFloorProvider implements ProcessFloorProvider {
  /** For {@code ServiceLoader}. */
  public LinuxProcessFloorProvider() {}

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public ProcessFloor create() {
    return new LinuxProcessFloor();
  }
}
