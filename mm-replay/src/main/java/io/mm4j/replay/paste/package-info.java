// SPDX-License-Identifier: Apache-2.0

/** Lines that somebody copied out of a log. */
@NullMarked
package io.mm4j.replay.paste;

import org.jspecify.annotations.NullMarked;
