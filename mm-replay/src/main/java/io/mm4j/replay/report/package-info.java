// SPDX-License-Identifier: Apache-2.0

/**
 * What kernels print about pages when something went wrong or somebody asked: allocation flags of
 * every version, dumps of /proc/buddyinfo, pagetypeinfo and zoneinfo, and the Mem-Info of failure
 * reports.
 */
@NullMarked
package io.mm4j.replay.report;

import org.jspecify.annotations.NullMarked;
