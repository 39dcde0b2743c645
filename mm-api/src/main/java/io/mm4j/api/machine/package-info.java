// SPDX-License-Identifier: Apache-2.0

/** A whole machine: which floors there are, which plugins were found for them, and boot. */
@NullMarked
package io.mm4j.api.machine;

import org.jspecify.annotations.NullMarked;
