// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.ThpMode;
import io.mm4j.replay.FreshProcess;
import io.mm4j.replay.OtherMachine;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A recording whose machine and owner are set from outside. */
final class SettingsSource implements VmaSource {
  private final VmaSource recording;
  private final VmaHeader header;

  SettingsSource(VmaSource recording, FreshProcess settings) {
    this(
        recording,
        recording
            .header()
            .withMachine(settings.totalRamKb(), settings.sysctls(), settings.thp())
            .withOwner(
                settings.privileged() ? 0 : recording.header().uid(),
                settings.privileged() ? 0 : recording.header().gid(),
                settings.privileged() ? Set.of(Capability.values()) : Set.of()));
  }

  SettingsSource(VmaSource recording, OtherMachine other) {
    this(recording, changed(recording.header(), other));
  }

  private SettingsSource(VmaSource recording, VmaHeader header) {
    this.recording = recording;
    this.header = header;
  }

  private static VmaHeader changed(VmaHeader h, OtherMachine other) {
    Long ram = other.totalRamKb();
    ThpMode thp = other.thp();
    return h.withMachine(
            ram == null ? h.totalRamKb() : ram,
            h.sysctls().with(other.sysctls()),
            thp == null ? h.thp() : thp)
        .withLimits(other.limits());
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
  public ProgramName program() {
    return recording.program();
  }

  @Override
  public boolean startIsWhole() {
    return recording.startIsWhole();
  }

  @Override
  public boolean knowsPaths() {
    return recording.knowsPaths();
  }

  @Override
  public boolean knowsVmaNames() {
    return recording.knowsVmaNames();
  }

  @Override
  public List<String> notes() {
    return recording.notes();
  }

  @Override
  public void close() {
    recording.close();
  }
}
