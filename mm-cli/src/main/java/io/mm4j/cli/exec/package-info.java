// SPDX-License-Identifier: Apache-2.0

/** What {@code mm exec} shows: a program's areas, its mm_struct, its first stack, its malloc. */
@NullMarked
package io.mm4j.cli.exec;

import org.jspecify.annotations.NullMarked;
