// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.replay.FreshProcess;
import org.jspecify.annotations.Nullable;

/** A recording whose machine and owner are set from outside. */
final class SettingsSource implements VmaSource {
  private final VmaSource recording;
  private final VmaHeader header;

  SettingsSource(VmaSource recording, FreshProcess settings) {
    this.recording = recording;
    VmaHeader h = recording.header();
    this.header =
        new VmaHeader(
            h.id(),
            h.recordingClass(),
            h.scenario(),
            h.seed(),
            h.kernel(),
            h.compat32(),
            settings.thp(),
            settings.sysctls(),
            settings.totalRamKb(),
            h.swapKb(),
            settings.privileged() ? 0 : h.uid(),
            settings.privileged(),
            h.personality(),
            h.asBytes(),
            h.dataBytes(),
            h.stackBytes(),
            h.memlockBytes(),
            h.layout(),
            h.files(),
            h.opens());
  }

  @Override
  public VmaHeader header() {
    return header;
  }

  @Override
  public VmaEvent.State start() {
    return recording.start();
  }

  @Override
  public @Nullable VmaEvent next() {
    return recording.next();
  }

  @Override
  public void close() {
    recording.close();
  }
}
